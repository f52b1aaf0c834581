"""A panel on the disk, and its server; the results of a tiny model, and its stages in memory; a browser."""

import sys
from collections.abc import Iterator
from pathlib import Path

import panels
import pytest
from browsing import CHROMIUM
from playwright.sync_api import Browser, sync_playwright

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import finished
import tiny
import torch

from workflow_scripts.lib.apps.scoring_server import ScoringServer
from workflow_scripts.lib.apps.stage_models import StageModels
from workflow_scripts.lib.config.training import Model


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


@pytest.fixture(scope="session")
def three(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return results with two adapters."""
    results = finished.build(tmp_path_factory.mktemp("three") / "results")
    finished.add_adapter(results / "models", "sft", seed=2)
    return results


@pytest.fixture(scope="session")
def models(three: Path) -> StageModels:
    torch.set_num_threads(1)
    return StageModels(three, ["base", "sft", "align"], Model.model_validate(tiny.section("model")), finished.NO_GUARD)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()
