"""The default recipe for real, at reduced size: real wheel, real npm package, real rules. Needs an index."""

from pathlib import Path
from typing import Any

import pytest
import running
from running import Place

from workflow_scripts.lib.reporting.report_schema import Report

pytestmark = pytest.mark.full  # the real model and all poems: some minutes
# A few steps, a few documents: what stays is the data, whole, and every kind of job.
SMALL: dict[str, Any] = {
    "sft": {"max_steps": 2, "evaluations": 0},
    "align": {"max_steps": 1, "evaluations": 0},
    "eval": {
        "limit": 4,
        "stages": ["base", "align"],
        "bootstrap_samples": 100,
        "perplexity": {"max_rows": 4},
        "preference": {"max_rows": 4},
        "form": {"max_rows": 2, "max_new_tokens": 8},
        "panel": {"max_new_tokens": 4},
    },
    "execution": {"logging_steps": 1},
}
UNREACHABLE = "the package index cannot be reached"


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Place:
    """The reduced default recipe, made once; fetched files are those of the repository's cache."""
    made = running.build(tmp_path_factory.mktemp("default") / "place", "recipe: tang\n", num_poems=1)
    cache = running.REPOSITORY / "data_cache"
    cache.mkdir(exist_ok=True)
    (made.repository / "data_cache").symlink_to(cache)
    fetched = made.snakemake("--until", "acquire", "prepare_base", **SMALL)
    if fetched.status and UNREACHABLE in fetched.output:
        pytest.skip(f"{UNREACHABLE}, and data_cache/ does not hold the default recipe's files")
    made.make("results/eval/report.json", cores=2, **SMALL)
    return made


@pytest.fixture(scope="module")
def report(place: Place) -> dict[str, Any]:
    return place.read_json("results/eval/report.json")


def test_the_report_has_its_stages_and_headline(report: dict[str, Any]) -> None:
    checked = Report.model_validate(report)
    assert checked.recipe == "tang"
    assert checked.stages == ["base", "sft", "align"]  # SFT was not evaluated here, but trained
    assert {entry.metric.split(".")[0] for entry in checked.headline} >= {"perplexity", "form"}
    assert {metric.kind for metric in checked.metrics} == {"perplexity", "form", "preference", "panel", "harness"}
    assert (checked.training["sft"].steps, checked.training["align"].steps) == (2, 1)


def test_the_data_are_there(place: Place) -> None:
    card = place.read_json("results/data/card.json")
    assert card["uses"]["sft"]["rows"] > 2000
    assert card["uses"]["preference"]["rows"] > 500
    for use in ("sft", "preference"):
        for split in ("train", "val", "test"):
            assert len(place.read(f"results/data/{use}/{split}.jsonl").splitlines()) > 0


def test_the_model_reads_chinese(report: dict[str, Any]) -> None:
    """Perplexity of the real base model on real poems: a random model of this vocabulary has about 50,000."""
    perplexity = next(metric for metric in report["metrics"] if metric["kind"] == "perplexity")
    assert 5 < perplexity["stages"]["base"]["value"] < 5000


def test_the_report_is_a_page_without_addresses_to_load(place: Place) -> None:
    page = place.read("results/eval/report.html")
    assert "<script src=" not in page
    assert "tang" in page
    assert Path(place.work / "results/eval/report.html").stat().st_size > 10_000
