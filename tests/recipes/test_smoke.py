"""Every recipe whole, from raw rows to the report, on small data of the true shapes and a tiny model."""

from typing import Any

import pytest
import smoke
from running import Place

from workflow_scripts.lib.config import layers
from workflow_scripts.lib.evaluation.checks.registry import run_check
from workflow_scripts.lib.jsonl import read_rows
from workflow_scripts.lib.reporting.report_schema import Report

pytestmark = pytest.mark.full


@pytest.fixture(scope="module", params=smoke.RECIPES)
def made(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[str, Place]:
    place, done = smoke.run(request.param, tmp_path_factory.mktemp("smoke") / "place")
    assert done.status == 0, done.output[-6000:]
    return request.param, place


def rows_of(place: Place, use: str) -> list[dict[str, Any]]:
    splits = ("train", "val", "test")
    return [row for split in splits for row in read_rows(place.work / f"results/data/{use}/{split}.jsonl")]


def test_the_report_is_whole(made: tuple[str, Place]) -> None:
    recipe, place = made
    values = layers.load(place.repository, [place.configfile], {}).config
    report = Report.model_validate(place.read_json("results/eval/report.json"))
    aligned = values.align.method != "none"
    assert report.recipe == recipe
    assert report.stages == (["base", "sft", "align"] if aligned else ["base", "sft"])
    enabled = {kind: getattr(values.eval, kind).enabled for kind in ("form", "decoding", "safety")}
    enabled["preference"] = aligned
    kinds = {kind for kind, is_made in enabled.items() if is_made}
    assert {metric.kind for metric in report.metrics} == kinds | {"perplexity", "panel", "harness"}
    named = " ".join(metric.name for metric in report.metrics if metric.kind == "harness")
    assert [task for task in values.eval.tasks if task not in named] == []
    for metric in report.metrics:
        assert set(metric.stages) == set(report.stages), metric.name
    assert (place.work / "results/eval/report.html").stat().st_size > 10_000


def test_every_source_gives_rows(made: tuple[str, Place]) -> None:
    _, place = made
    sources = layers.load(place.repository, [place.configfile], {}).config.sources
    for use in ("sft", "preference"):
        wanted = {name for name, source in sources.items() if source.use == use and source.weight}
        if wanted:
            assert {row["source"] for row in rows_of(place, use)} == wanted


def test_what_the_recipe_promises_of_its_rows(made: tuple[str, Place]) -> None:
    recipe, place = made
    sft = rows_of(place, "sft")
    if recipe in ("k12", "general"):
        pairs = rows_of(place, "preference")
        num_zh = sum(row["lang"] == "zh" for row in pairs)
        assert 0.7 <= num_zh / len(pairs) < 1
        assert not [row for row in pairs if row.get("meta", {}).get("derived")]
    if recipe == "k12":
        assert not [row for row in sft if "<think>" in row["messages"][-1]["content"]]
    if recipe.startswith("domain"):
        assert {row["messages"][0]["role"] for row in sft} == {"user"}  # the one system prompt comes from the model
        asked = [row["messages"][0]["content"] for row in sft if row["source"] in ("reports", "my_reports")]
        assert sum("\n补充信息：" in text for text in asked) > len(asked) / 3
        assert place.read("results/data/sft/test.jsonl") == ""
    if recipe == "domain-large":
        domains = {(row["source"], row["meta"]["domain"]) for row in sft if "domain" in row.get("meta", {})}
        assert domains == {("bio", "biomed"), ("ai", "ai"), ("ic", "ic")}
    if recipe == "tang-full":
        assert {row["meta"]["task"] for row in sft} == {"continue", "compose", "form"}
        for row in sft:
            form = row["meta"].get("form")
            assert form is None or run_check(form, row["messages"][-1]["content"], row["id"]) is None
