"""The report says what was measured, stage by stage and pair by pair, and nothing that was not."""

import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import get_args

import jsonschema
import pytest
import report_samples
from evaluation_samples import arguments
from pydantic import ValidationError

from workflow_scripts import write_report
from workflow_scripts.lib import final_words, jsonl
from workflow_scripts.lib.config.gates import FIGURES, KINDS, Gate
from workflow_scripts.lib.evaluation import statistics
from workflow_scripts.lib.evaluation.statistics import Difference
from workflow_scripts.lib.reporting import exposure, gates, html_page, report, report_schema, report_words
from workflow_scripts.lib.reporting.report_metrics import Resampling, all_metrics, verdict
from workflow_scripts.lib.reporting.report_schema import Metric, Provenance, Report

PROVENANCE = Provenance(
    hardware="cpu", versions={"python": "3.11.2"}, inputs={"card": "ab"}, timing={"sft": report_samples.TIMING}
)


def build(evaluations: dict | None = None, training: dict | None = None, **config: object) -> Report:
    return report.build(
        report.ReportConfig.model_validate(report_samples.CONFIG | config),
        report_samples.evaluations() if evaluations is None else evaluations,
        {"sft": report_samples.metrics(), "align": report_samples.metrics()} if training is None else training,
        report_samples.CARD,
        report_samples.PARITY,
        PROVENANCE,
        {},
    )


def metric_named(name: str, evaluations: dict) -> Metric:
    return next(metric for metric in all_metrics(evaluations, Resampling(500, 42)) if metric.name == name)


def test_perplexity_of_stages_and_pairs() -> None:
    metric = metric_named("perplexity", report_samples.evaluations())
    assert metric.stages["base"].value == pytest.approx(math.exp(160.5 / 40), abs=1e-5)
    assert metric.stages["base"].n == 4
    assert [(c.first, c.second) for c in metric.comparisons] == [("base", "sft"), ("base", "align"), ("sft", "align")]
    first, _, last = metric.comparisons
    assert first.delta == pytest.approx(math.exp(109 / 40) - math.exp(160.5 / 40), abs=1e-5)
    assert first.low < first.delta < first.high < 0
    assert first.verdict == "better"
    assert last.low < 0 < last.high
    assert last.verdict == "no significant change"
    assert first.p_value is None


def test_shares_have_mcnemars_p() -> None:
    metric = metric_named("form", report_samples.evaluations())
    assert {stage: value.value for stage, value in metric.stages.items()} == {"base": 0.0, "sft": 0.75, "align": 1.0}
    assert metric.stages["sft"].stderr == pytest.approx(math.sqrt(0.75 * 0.25 / 7), abs=1e-6)
    assert [c.p_value for c in metric.comparisons] == [0.0312, 0.00781, 0.5]  # 2/2⁶, 2/2⁸, 2/2², three digits


def test_margins_have_no_p() -> None:
    metric = metric_named("preference_margin", report_samples.evaluations())
    assert metric.stages["align"].value == pytest.approx(0.25)
    assert {c.p_value for c in metric.comparisons} == {None}


def test_only_items_of_both_stages_are_compared() -> None:
    results = {"base": report_samples.form([False] * 5 + [True] * 3), "sft": report_samples.form([True] * 5)}
    metric = metric_named("form", {"form": results})
    assert metric.stages["base"].value == 0.375
    (comparison,) = metric.comparisons
    assert (comparison.n, comparison.before, comparison.after, comparison.delta) == (5, 0.0, 1.0, 1.0)
    results = {"base": report_samples.perplexity([10.0, 20.0]), "sft": report_samples.perplexity([5.0])}
    (comparison,) = metric_named("perplexity", {"perplexity": results}).comparisons
    assert (comparison.before, comparison.after) == (pytest.approx(math.exp(1.0)), pytest.approx(math.exp(0.5)))
    assert comparison.delta == pytest.approx(comparison.after - comparison.before, abs=1e-5)


@pytest.mark.parametrize(
    ("low", "high", "p_value", "lower_is_better", "words"),
    [
        (0.1, 0.3, None, False, "better"),
        (0.1, 0.3, None, True, "worse"),
        (-0.3, -0.1, None, False, "worse"),
        (-0.3, -0.1, None, True, "better"),
        (-0.1, 0.3, None, False, "no significant change"),
        (0.0, 0.3, None, False, "no significant change"),
        (0.1, 0.3, 0.049, False, "better"),
        (0.1, 0.3, 0.0625, False, "no significant change"),
        (-0.1, 0.3, 0.01, False, "no significant change"),
    ],
)
def test_verdict(low: float, high: float, p_value: float | None, lower_is_better: bool, words: str) -> None:
    assert verdict(Difference((low + high) / 2, low, high), p_value, lower_is_better=lower_is_better) == words


def test_holm_by_hand() -> None:
    assert statistics.holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])  # Holm 1979
    assert statistics.holm([0.9, 0.8]) == [1.0, 1.0]
    assert statistics.holm([]) == []


def test_the_number_of_comparisons_is_counted_in() -> None:
    built = build()
    found = [comparison for metric in built.metrics for comparison in metric.comparisons]
    used = [c.p_bootstrap if c.p_value is None else c.p_value for c in found]
    assert [c.p_holm for c in found] == pytest.approx(statistics.holm(used), rel=0.01)
    told = built.corrections
    assert (told.comparisons, told.significant) == (
        len(found),
        sum(c.verdict != "no significant change" for c in found),
    )
    assert 0 < told.after_holm < told.significant
    assert f"(Holm) {told.after_holm} hold." in told.text["en"]
    assert f"校正后仍有 {told.after_holm} 项显著" in told.text["zh"]


def compared(low: float, high: float, verdict: str) -> Metric:
    values = {"before": 0.5, "after": 0.4, "delta": (low + high) / 2, "low": low, "high": high, "n": 9}
    words = {"p_bootstrap": 0.01, "verdict": verdict, "explanation": {"en": ".", "zh": "。"}}
    stages = {stage: {"value": 0.5, "n": 9} for stage in ("base", "sft", "align")}
    near, far = ({"from": "base", "to": stage, **values, **words} for stage in ("sft", "align"))
    near |= {"low": -1.0, "high": -0.9, "verdict": "worse"}
    told = {"name": "hellaswag", "kind": "harness", "unit": "acc", "lower_is_better": False}
    return Metric.model_validate(told | {"stages": stages, "comparisons": [near, far]})


@pytest.mark.parametrize(
    ("rule", "tolerance", "low", "high", "verdict", "status"),
    [
        ("not_worse", 0.02, -0.10, -0.03, "worse", "failed"),
        ("not_worse", 0.02, -0.10, -0.01, "worse", "passed"),  # the loss may be one of a point only
        ("not_worse", 0.0, -0.10, -0.01, "worse", "failed"),
        ("not_worse", 0.0, -0.10, -0.01, "no significant change", "passed"),  # the exact test found nothing
        ("not_worse", 0.0, -0.10, 0.02, "no significant change", "passed"),
        ("better", 0.0, 0.01, 0.05, "better", "passed"),
        ("better", 0.02, 0.01, 0.05, "better", "failed"),
        ("better", 0.0, -0.01, 0.05, "no significant change", "failed"),
    ],
)
def test_gates(rule: str, tolerance: float, low: float, high: float, verdict: str, status: str) -> None:
    gate = Gate(metric="harness", rule=rule, tolerance=tolerance)
    (found,) = gates.judge([gate], [compared(low, high, verdict)])
    assert (found.metric, found.status, found.comparison.second) == ("hellaswag", status, "align")


def test_gates_of_a_figure_that_falls_when_it_gets_better() -> None:
    told = {gate.metric: gate for gate in build().gates}
    assert {name: gate.status for name, gate in told.items()} == {
        "poem_continuation": "passed",
        "perplexity": "passed",
        "jailbreak_rate": "not measured",
    }
    assert (
        told["perplexity"].text["en"].startswith("Perplexity must get better: base 55.3 → aligned 15.3 (change -40.0 [")
    )
    assert told["poem_continuation"].text["zh"].startswith("诗句续接不得变差超过 0.02：基座 0.500 → 对齐 1.00")
    assert told["jailbreak_rate"].comparison is None
    worse = report_samples.evaluations()["perplexity"]
    worse = {"base": worse["sft"], "sft": worse["sft"], "align": worse["base"]}
    assert [gate.status for gate in build({"perplexity": worse}).gates if gate.metric == "perplexity"] == ["failed"]


def test_a_gate_may_be_about_every_figure_that_has_a_name() -> None:
    named = set(report_words.METRICS) - {"poem_continuation"}
    assert set(FIGURES) == named
    assert set(KINDS) == set(get_args(Metric.model_fields["kind"].annotation))


def test_headline_is_the_three_pairs_that_matter() -> None:
    found = [(entry.metric, entry.comparison.first, entry.comparison.second) for entry in build().headline]
    assert found == [
        ("perplexity", "base", "sft"),
        ("form", "base", "align"),
        ("preference_accuracy", "sft", "align"),
    ]


def test_headline_in_words() -> None:
    text = build().headline[2].text
    assert text["en"].startswith("Preference accuracy SFT 0.500 → aligned 1.00 (change +0.500 [+0.")
    assert text["zh"].startswith("偏好准确率 微调 0.500 → 对齐 1.00 (变化 +0.500 [+0.")
    assert text["en"].endswith(", better)") and text["zh"].endswith(", 变好)")


def test_a_stage_that_does_not_exist_is_absent() -> None:
    results = {kind: {s: r for s, r in of.items() if s != "align"} for kind, of in report_samples.evaluations().items()}
    built = build(results, {"sft": report_samples.metrics()}, align={"method": "none", "global_batch_size": 6})
    assert built.stages == ["base", "sft"]
    assert [(h.metric, h.comparison.second) for h in built.headline][-1] == ("preference_accuracy", "sft")
    text = json.dumps(built.as_json())
    assert '"align"' not in text
    assert "null" not in text


def test_an_evaluation_that_was_not_made_is_absent() -> None:
    results = {"perplexity": report_samples.evaluations()["perplexity"]}
    written = build(results).as_json()
    assert {"panel", "form"} & set(written) == set()
    assert [metric["name"] for metric in written["metrics"]] == ["perplexity", "nats_per_character"]
    assert [entry["metric"] for entry in written["headline"]] == ["perplexity"]


@pytest.mark.parametrize("kind", ["perplexity", "form", "preference", "panel", "harness/poem_continuation"])
def test_an_evaluation_that_found_nothing_to_judge_is_absent(kind: str) -> None:
    whole = report_samples.evaluations()
    empty = {"rows": 0, "over_length": 3, "faults": {}, "samples": []}
    results = whole | {kind: dict.fromkeys(whole[kind], empty)}
    lost = {metric.name for metric in all_metrics(whole, Resampling(100, 0))}
    lost -= {metric.name for metric in all_metrics(results, Resampling(100, 0))}
    assert lost == {metric.name for metric in all_metrics({kind: whole[kind]}, Resampling(100, 0))}
    if kind != "panel":
        assert kind not in {metric.name for metric in build(results).metrics}


def test_items_of_one_id_all_count() -> None:
    results = {"base": report_samples.form([False] * 4), "sft": report_samples.form([True] * 4)}
    for result in results.values():
        for sample in result["samples"]:
            sample["id"] = "same"
    (comparison,) = metric_named("form", {"form": results}).comparisons
    assert (comparison.n, comparison.p_value) == (4, 0.125)


def test_perplexity_by_source_and_language() -> None:
    found = build().perplexity
    assert found.max_length == 256
    assert {name: sorted(stages) for name, stages in found.by_source.items()} == {"poems": ["align", "base", "sft"]}
    assert found.by_lang["zh"]["sft"].perplexity == 7.5
    assert set(found.by_lang) == {"zh"}  # nothing was scored in English


def test_over_length_is_told() -> None:
    assert build().over_length["perplexity"] == {"base": 0, "sft": 1, "align": 0}


def test_commands_reproduce_harness_figures() -> None:
    metric = next(metric for metric in build().metrics if metric.kind == "harness")
    assert (metric.name, metric.unit, metric.stages["sft"].value) == ("poem_continuation", "acc", 0.75)
    assert metric.commands["sft"] == "lm-eval run --tasks poem_continuation # sft"


def test_failures_of_the_last_stage_come_first() -> None:
    results = report_samples.evaluations()["form"] | {"align": report_samples.form([True] * 7 + [False])}
    examples = build({"form": results}).form.examples
    assert (examples[0].id, examples[0].replies["align"].fault) == ("f/7", "line length")
    assert list(examples[0].replies) == ["base", "sft", "align"]


def test_training_keeps_what_the_schema_knows() -> None:
    training = build().training["align"]
    assert (training.method, training.tokens_trained, training.rows_lost) == ("orpo", 5342, {"over_length": 2})
    assert training.loss[0] == {"step": 1, "loss": 4.0, "grad_norm": 0.9}


@pytest.mark.parametrize(
    ("rows", "steps", "batch", "seen"),
    [
        (1696, 40, 8, 320),  # a part of a pass
        (10, 3, 4, 10),  # the last batch of a pass is short
        (10, 4, 4, 14),
        (10, 7, 4, 24),
        (3, 2, 8, 6),
        (0, 5, 8, 0),
    ],
)
def test_rows_seen(rows: int, steps: int, batch: int, seen: int) -> None:
    assert exposure.rows_seen(rows, steps, batch) == seen


def test_training_tells_rows_at_hand_and_rows_trained_on() -> None:
    lost = {"over_length": 2, "truncated": 3}
    training = build(None, {"sft": report_samples.metrics(rows=1698, rows_lost=lost, steps=40)}).training["sft"]
    assert (training.rows, training.rows_seen, training.global_batch_size, training.epochs) == (1698, 320, 8, 0.189)
    assert exposure.usable_rows(1698, lost) == 1696


def test_an_interval_without_0_beside_no_significant_change_is_explained() -> None:
    results = {"sft": report_samples.harness([0.0] * 4 + [1.0] * 46, "sft")}
    results["align"] = report_samples.harness([1.0] * 50, "align")
    (found,) = metric_named("poem_continuation", {"harness/poem_continuation": results}).comparisons
    assert found.low > 0
    assert (found.p_value, found.verdict) == (0.125, "no significant change")
    assert found.explanation["en"] == (
        "The interval excludes 0; p = 0.125 ≥ 0.05 in McNemar's exact test, which decides: the bootstrap of a few "
        "items is too sure of itself."
    )
    assert found.explanation["zh"].startswith("区间不含 0；McNemar 精确检验 p = 0.125 ≥ 0.05，以检验为准")


@pytest.mark.parametrize(
    ("low", "high", "p_value", "text"),
    [
        (0.1, 0.2, None, "The interval excludes 0."),
        (-0.1, 0.2, None, "The interval holds 0."),
        (0.1, 0.2, 0.01, "The interval excludes 0; p = 0.01 < 0.05 in McNemar's exact test."),
        (-0.1, 0.2, 0.3, "The interval holds 0; p = 0.3 ≥ 0.05 in McNemar's exact test."),
    ],
)
def test_explanations(low: float, high: float, p_value: float | None, text: str) -> None:
    assert report_words.explanation(Difference(0.1, low, high), p_value, 0.05, report_words.MCNEMAR)["en"] == text


def test_the_report_says_how_it_is_read() -> None:
    assert "McNemar's exact test must find p < 0.05 as well" in build().as_json()["reading"]["en"]


def _unknown_key(values: dict) -> None:
    values["surprise"] = 1


def _other_version(values: dict) -> None:
    values["schema_version"] = "1"


def _unknown_stage(values: dict) -> None:
    values["metrics"][0]["stages"]["dpo"] = {"value": 1.0, "n": 3}


def _not_a_number(values: dict) -> None:
    values["metrics"][0]["stages"]["base"]["value"] = math.nan


def _nothing_measured(values: dict) -> None:
    values["metrics"][0]["stages"]["base"]["n"] = 0


@pytest.mark.parametrize(
    ("spoil", "told"),
    [
        (_unknown_key, "surprise"),
        (_other_version, "schema_version"),
        (_unknown_stage, "dpo"),
        (_not_a_number, "finite number"),
        (_nothing_measured, "greater than or equal to 1"),
    ],
)
def test_schema_refuses(spoil: Callable[[dict], None], told: str) -> None:
    values = build().as_json()
    assert Report.model_validate(values).as_json() == values
    spoil(values)
    with pytest.raises(ValidationError, match=told):
        Report.model_validate(values)


def test_the_published_schema_is_the_one_that_is_checked() -> None:
    kept = jsonl.read_json(Path(__file__).resolve().parents[2] / "docs" / "report.schema.json")
    assert kept == json.loads(json.dumps(report_schema.published())), "run `make schema`"
    values = json.loads(json.dumps(build().as_json()))
    jsonschema.validate(values, kept)
    for spoil in (_unknown_key, _other_version, _nothing_measured):
        spoiled = json.loads(json.dumps(values))
        spoil(spoiled)
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate(spoiled, kept)


def write(folder: Path, reply: str = "天地玄黃宇，宙洪荒日月。") -> tuple[dict, str]:
    """Run the script on files in a folder and return what it wrote."""
    given = []
    for kind, stages in report_samples.evaluations(reply).items():
        for stage, result in stages.items():
            given.append(folder / "eval" / stage / f"{kind}.json")
            jsonl.write_json(given[-1], result)
    for name, value in (("card", report_samples.CARD), ("parity", report_samples.PARITY)):
        jsonl.write_json(folder / f"{name}.json", value)
    jsonl.write_json(folder / "stats.json", report_samples.SAMPLING)
    jsonl.write_json(folder / "sft" / "metrics.json", report_samples.metrics())
    jsonl.write_json(folder / "sft" / "timing.json", report_samples.TIMING)
    write_report.main(
        [
            *arguments(config=report_samples.CONFIG, card=folder / "card.json", folder=folder / "eval"),
            *("--evaluations", *map(str, given)),
            *arguments(metrics=folder / "sft" / "metrics.json", timing=folder / "sft" / "timing.json"),
            *arguments(merge_parity=folder / "parity.json"),
            *("--panel-scores", "--sampling", str(folder / "stats.json")),
            *arguments(report_json=folder / "report.json", report_html=folder / "report.html"),
        ]
    )
    return jsonl.read_json(folder / "report.json"), (folder / "report.html").read_text(encoding="utf-8")


def test_the_script_writes_the_same_bytes_again(tmp_path: Path) -> None:
    first, second = write(tmp_path / "a"), write(tmp_path / "b")
    assert first == second
    assert (tmp_path / "a/report.json").read_bytes() == (tmp_path / "b/report.json").read_bytes()
    assert str(tmp_path) not in json.dumps(first)


def test_what_was_sampled_is_told(tmp_path: Path) -> None:
    written, page = write(tmp_path)
    told = written["sampling"]
    assert (told["train"]["accepted"], told["validation"]["rate"], told["validation_rows"]) == (6, 0.25, "sampled")
    assert "sampling/stats" in written["provenance"]["inputs"]
    assert "wrong charge</span> 8" in page and 'download="sampling.csv"' in page
    assert build().sampling is None and "Rejection sampling" not in html_page.page(build())


def test_times_stand_under_provenance_only(tmp_path: Path) -> None:
    written, _ = write(tmp_path)
    assert written.pop("provenance")["timing"]["sft"]["seconds"] == 351.0
    assert "seconds" not in json.dumps(written)


def test_the_run_ends_with_the_headline(tmp_path: Path) -> None:
    write(tmp_path)
    line = final_words.result(tmp_path / "report.json")
    assert "report.html" in line
    assert line.count(" | ") == 3
    assert line.endswith(" | Gates: 2 of 2 passed\n")
    assert "Perplexity base 55.3 → SFT 15.3" in line


def test_a_failed_gate_stands_in_the_last_line(tmp_path: Path) -> None:
    judged = [
        {"metric": name, "status": status}
        for name, status in zip("abc", ("passed", "failed", "not measured"), strict=True)
    ]
    jsonl.write_json(tmp_path / "report.json", {"headline": [], "gates": judged})
    assert final_words.result(tmp_path / "report.json").endswith("report.html: Gates: 1 of 2 passed, FAILED: b\n")
