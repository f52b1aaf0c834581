"""Runs are compared as stages are: on the items that both judged, and differing settings are told."""

import copy
from pathlib import Path

import pytest
import report_samples
import test_safety
from test_html import csv_of, read
from test_report import build

from workflow_scripts import compare_runs
from workflow_scripts.lib import jsonl
from workflow_scripts.lib.errors import UserError
from workflow_scripts.lib.evaluation.judged_safety import judged
from workflow_scripts.lib.reporting import run_comparison


def write_run(folder: Path, evaluations: dict) -> Path:
    for kind, stages in evaluations.items():
        for stage, result in stages.items():
            jsonl.write_json(folder / "results/eval" / stage / f"{kind}.json", result)
    jsonl.write_json(folder / "results/eval/report.json", build(evaluations).as_json())
    return folder


@pytest.fixture
def runs(tmp_path: Path) -> list[Path]:
    """Run b has the lower perplexity, on one row less, at another length; form was judged by a only."""
    first, second = report_samples.evaluations(), copy.deepcopy(report_samples.evaluations())
    second["perplexity"]["align"] = report_samples.perplexity([20.0, 21.0, 19.5])
    second["perplexity"]["align"]["settings"]["max_length"] = 512
    del second["form"]
    return [write_run(tmp_path / "a", first), write_run(tmp_path / "b", second)]


def compare(runs: list[Path], page: Path) -> str:
    compare_runs.main(["--runs", *map(str, runs), "--page", str(page)])
    return page.read_text(encoding="utf-8")


def test_the_last_stages_are_compared_on_common_items(runs: list[Path], tmp_path: Path) -> None:
    page = compare(runs, tmp_path / "compare.html")
    tables = csv_of(page)
    changes = {row[0]: row for row in tables["changes.csv"][1:]}
    assert changes["perplexity"][1:3] == ["a", "b"]
    assert (changes["perplexity"][8], changes["perplexity"][-1]) == ("3", "better")
    assert changes["poem_continuation"][-1] == "no significant change"
    assert "form" not in changes
    assert ["perplexity", "per token", "True", "b"] in [row[:4] for row in tables["figures.csv"]]
    text = read(page).text
    assert "perplexity · max_length: a = 256, b = 512" in text
    assert f"{len(changes)} comparisons, " in text


def test_what_a_model_says_of_safety_is_compared_too(tmp_path: Path) -> None:
    said = {"a": ["refused", "complied", "complied", "refused"], "b": ["refused", "refused", "complied", "undecided"]}
    runs = []
    for name, verdicts in said.items():
        rules = test_safety.results()
        model = judged(rules["samples"], verdicts) | {"settings": {"base": f"hf://judge/{name}"}}
        kinds = {"safety": {"align": rules}, "safety_judged": {"align": model}}
        runs.append(write_run(tmp_path / name, report_samples.evaluations() | kinds))
    page = compare(runs, tmp_path / "compare.html")
    changes = {row[0]: row for row in csv_of(page)["changes.csv"][1:]}
    assert changes["judged_jailbreak_rate"][3:6] == ["0.5", "0.0", "-0.5"]
    assert changes["judged_over_refusal_rate"][3:6] == ["0.0", "0.0", "0.0"]  # on the one that both decided
    assert "safety_judged · base: a = hf://judge/a, b = hf://judge/b" in read(page).text


def test_it_writes_the_same_bytes_again(runs: list[Path], tmp_path: Path) -> None:
    assert compare(runs, tmp_path / "one.html") == compare(runs, tmp_path / "two.html")


@pytest.mark.parametrize(
    ("chosen", "what"),
    [([], "0 run to compare"), (["a"], "1 run to compare"), (["a", "a"], "one run is named twice")],
)
def test_it_takes_two(runs: list[Path], tmp_path: Path, chosen: list[str], what: str) -> None:
    with pytest.raises(UserError) as caught:
        compare([tmp_path / name for name in chosen], tmp_path / "compare.html")
    assert (caught.value.what, caught.value.where) == (what, "RUNS")


def test_a_run_without_a_report_or_with_an_old_one_is_named(runs: list[Path], tmp_path: Path) -> None:
    report = runs[1] / "results/eval/report.json"
    jsonl.write_json(report, jsonl.read_json(report) | {"schema_version": "2"})
    with pytest.raises(UserError, match=r"not a report of this version \(1 differences\)"):
        compare(runs, tmp_path / "compare.html")
    report.unlink()
    with pytest.raises(UserError, match="no such file"):
        compare(runs, tmp_path / "compare.html")


def test_names_are_as_long_as_they_must_be() -> None:
    assert run_comparison.names_of([Path("runs/a"), Path("runs/b")]) == ["a", "b"]
    assert run_comparison.names_of([Path("x/run"), Path("y/run")]) == ["x/run", "y/run"]
