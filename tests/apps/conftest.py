"""A panel on the disk, and its server."""

from collections.abc import Iterator
from pathlib import Path

import panels
import pytest

from workflow_scripts.lib.apps.scoring_server import ScoringServer


@pytest.fixture
def scores(tmp_path: Path) -> Path:
    return tmp_path / "human" / "panel_scores.jsonl"


@pytest.fixture
def server(tmp_path: Path, scores: Path) -> Iterator[ScoringServer]:
    with panels.serving(panels.write(tmp_path / "eval"), scores) as server:
        yield server
