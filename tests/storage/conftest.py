"""The store, started once; what runs the real command stands beside this folder."""

import importlib.util
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from workflow_scripts.lib.sources import s3_client

TESTS = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(TESTS), str(TESTS / "workflow")]

import store as stores  # noqa: E402 (beside this file)


@pytest.fixture(scope="session")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[stores.Store]:
    if not importlib.util.find_spec("snakemake_storage_plugin_s3") or stores.weed() is None:
        pytest.skip("no storage plugin, or no store: make test-storage")
    with stores.serving(tmp_path_factory.mktemp("store") / "served") as served:
        yield served


@pytest.fixture
def as_owner(store: stores.Store, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> stores.Store:
    """The store of this process's environment, with the owner's credentials and nobody's home."""
    for name, value in store.variables(HOME=str(tmp_path), AWS_EC2_METADATA_DISABLED="true").items():
        monkeypatch.setenv(name, value)
    s3_client.client.cache_clear()
    return store
