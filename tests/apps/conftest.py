"""A panel on the disk, and its server; the results of a tiny model; a browser."""

import sys
from collections.abc import Iterator
from pathlib import Path

import panels
import pytest
from browsing import CHROMIUM
from playwright.sync_api import Browser, sync_playwright

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import finished

from workflow_scripts.lib.apps.scoring_server import ScoringServer


@pytest.fixture
def scores(tmp_path: Path) -> Path:
    return tmp_path / "human" / "panel_scores.jsonl"


@pytest.fixture
def server(tmp_path: Path, scores: Path) -> Iterator[ScoringServer]:
    with panels.serving(panels.write(tmp_path / "eval"), scores) as server:
        yield server


@pytest.fixture(scope="session")
def results(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return finished.build(tmp_path_factory.mktemp("finished") / "results")


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()
