"""A hub on loopback, and a way to fetch from it."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from hub.acquiring import OTHER_TOKEN, TOKEN, Fetcher
from hub.hub import Hub


@pytest.fixture
def hub() -> Iterator[Hub]:
    with Hub() as made:
        made.tokens |= {TOKEN, OTHER_TOKEN}
        made.granted.add(TOKEN)
        yield made


@pytest.fixture
def fetch(hub: Hub, tmp_path: Path) -> Fetcher:
    return Fetcher(hub, tmp_path)
