"""The recipe `law` whole, from the hub to the report: sampled, judged, learned, and tested by folder and law."""

import json
import math
from collections import defaultdict
from pathlib import Path
from typing import Any

import law_data
import pytest
import smoke
from hub.hub import Hub
from running import Place, Run

from workflow_scripts.lib.reporting.report_schema import Report

KEYS = ["fact", "relevant_articles", "charge", "prison_time", "response", "num_correct_for_this_sample"]
SAMPLING = "results/sampling"

pytestmark = pytest.mark.full


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Place, Run, Run]:
    """The place, its run, and a second one."""
    folder = tmp_path_factory.mktemp("law")
    with Hub() as hub:
        place = smoke.build("law", folder / "place", hub)
        variables = hub.environment(folder / "home")
        return place, place.make(cores=2, variables=variables), place.make(cores=2, variables=variables)


@pytest.fixture
def place(made: tuple[Place, Run, Run]) -> Place:
    return made[0]


def rows(place: Place, path: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in place.read(path).splitlines()]


def test_every_stage_runs_once(made: tuple[Place, Run, Run]) -> None:
    stages = ("sample_replies", "verify_replies", "train_sft", "merge_adapter", "write_report")
    assert [made[1].rules.count(rule) for rule in (*stages, "evaluate_judgement")] == [1, 1, 1, 1, 1, 2]
    assert "train_align" not in made[1].rules
    assert made[2].rules == []


def test_right_and_wrong_replies_are_told_apart(place: Place) -> None:
    stats = place.read_json(f"{SAMPLING}/stats.json")
    assert stats["samples"] + stats["validation"]["samples"] == 90
    assert stats["replies"] == 4 * stats["samples"]
    assert 0.15 < stats["rate"] < 0.5  # of two terms one is right, of a third none
    assert stats["cases_without_any"] >= stats["samples"] // 4
    assert set(stats["verdicts"]) >= {"right", "wrong_term"}
    assert (stats["verifier"], stats["validation_rows"]) == ("legal_judgement", "sampled")
    told = place.read_json("results/eval/report.json")["sampling"]
    assert (told["train"]["accepted"], told["validation"]) == (stats["accepted"], stats["validation"])


def test_sampled_rows_are_what_sft_learns(place: Place) -> None:
    sampled, learned = rows(place, f"{SAMPLING}/sampled.jsonl"), rows(place, f"{SAMPLING}/learned.jsonl")
    assert all(list(row) == KEYS for row in sampled)
    assert {row["prison_time"] for row in sampled} == set(law_data.KNOWN)
    assert all(row["response"].endswith(f"罪 | {row['prison_time']}个月") for row in sampled)
    assert len(sampled) == len(learned) == place.read_json(f"{SAMPLING}/stats.json")["accepted"]
    weights: dict[str, float] = defaultdict(float)
    for row in learned:
        weights[row["id"].partition("+")[0]] += row.get("weight", 1.0)
    assert all(math.isclose(weight, 1.0) for weight in weights.values())
    assert place.read_json("results/models/sft/metrics.json")["rows"] == len(learned)


def test_every_case_ends_in_one_place(place: Place) -> None:
    split = {
        row["id"]: row["group"] for name in ("train", "val") for row in rows(place, f"results/data/sft/{name}.jsonl")
    }
    ends = [row["id"] for row in rows(place, f"{SAMPLING}/drops.jsonl")]
    learned = [row for name in ("learned", "validated") for row in rows(place, f"{SAMPLING}/{name}.jsonl")]
    assert all(split[row["id"].partition("+")[0]] == row["group"] for row in learned)
    cases = {row["id"].partition("+")[0] for row in learned}
    assert sorted([*ends, *cases]) == sorted(split)
    dropped = rows(place, "results/data/standard/lawshift.drops.jsonl")
    assert {row["reason"] for row in dropped} == {"used_by", "unused_statute"}  # nothing of the pool and the folders


def test_the_report_has_judgements_by_folder_and_law(place: Place) -> None:
    report = Report.model_validate(place.read_json("results/eval/report.json"))
    metrics = {metric.name: metric for metric in report.metrics if metric.kind == "judgement"}
    assert list(metrics) == ["judgement", "judgement_original", "judgement_changed"]
    assert all(set(metric.stages) == {"base", "sft"} for metric in metrics.values())
    assert metrics["judgement"].stages["sft"].n == 4 * 3 * 2
    assert report.judgement is not None
    assert list(report.judgement.folders) == list(law_data.FOLDERS)
    convicting = report.judgement.folders["action_explicit_reduce"]
    assert convicting.label == "NV"
    assert convicting.original["base"].judgement >= 0.5  # it says guilty, with the right charge
    assert convicting.changed["base"].judgement == 0.0  # and goes on saying so
    assert report.headline[0].metric == "judgement"
    page = Path(place.work / "results/eval/report.html").read_text(encoding="utf-8")
    assert all(f"<td>{folder}</td>" in page for folder in law_data.FOLDERS)
