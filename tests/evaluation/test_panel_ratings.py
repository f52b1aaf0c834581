"""People's scores in the report: means, differences of what one rater said of both, agreement; none inherited."""

import math
import re
from itertools import product

import pytest
import report_samples
import test_report
from test_html import csv_of, read
from test_report import PROVENANCE

from workflow_scripts.lib.evaluation.agreement import agreement
from workflow_scripts.lib.evaluation.panel_scores import PanelScore, Scores
from workflow_scripts.lib.reporting import html_page, report
from workflow_scripts.lib.reporting.panel_ratings import metrics, ratings, said_of
from workflow_scripts.lib.reporting.report_metrics import Resampling
from workflow_scripts.lib.reporting.report_schema import Metric, Report

PROMPTS = range(4)


def reply(stage: str, number: int) -> str:
    return f"{('base', 'sft', 'align').index(stage)}{number}".rjust(64, "0")


def panels(*stages: str, prompts: range = PROMPTS) -> dict[str, dict]:
    def sample(stage: str, number: int) -> dict:
        return {"id": f"p{number}", "reply_id": reply(stage, number), "failure": "format"}

    return {stage: {"samples": [sample(stage, number) for number in prompts]} for stage in stages}


def judged(*given: tuple[str, int, str, int | dict], failure: str | None = "none") -> Scores:
    """Return scores from (stage, prompt, rater, points); one number is given for every criterion."""
    found: Scores = {}
    for stage, number, rater, points in given:
        scores = points if isinstance(points, dict) else dict.fromkeys(("following", "content", "language"), points)
        score = PanelScore(reply_id=reply(stage, number), rater=rater, scores=scores, failure=failure, comment="")
        found.setdefault(score.reply_id, {})[rater] = score
    return found


def metric_of(scores: Scores, *stages: str, name: str = "panel_score") -> Metric:
    found = {metric.name: metric for metric in metrics(panels(*stages), scores, Resampling(500, 42))}
    return found[name]


def test_means_and_differences_by_hand() -> None:
    scores = judged(
        *(("base", number, "甲", points) for number, points in enumerate((1, 2, 1, 2))),
        *(("sft", number, "甲", points) for number, points in enumerate((3, 4, 4, 5))),
    )
    metric = metric_of(scores, "base", "sft")
    assert {stage: (value.value, value.n) for stage, value in metric.stages.items()} == {
        "base": (1.5, 4),
        "sft": (4.0, 4),
    }
    assert metric.stages["base"].stderr == pytest.approx(math.sqrt(1 / 3) / 2, abs=1e-6)  # as of a plain mean
    (comparison,) = metric.comparisons
    assert (comparison.before, comparison.after, comparison.delta, comparison.n) == (1.5, 4.0, 2.5, 4)
    assert 2 <= comparison.low < 2.5 < comparison.high <= 3
    assert (comparison.verdict, comparison.p_value) == ("no significant change", 0.125)  # 2/2⁴: four prompts are few
    assert comparison.explanation["en"].startswith("The interval excludes 0; p = 0.125 ≥ 0.05 in the sign test, which")
    assert (metric.unit, metric.kind, metric.lower_is_better) == ("points", "panel", False)


@pytest.mark.parametrize(
    ("prompts", "p_value", "verdict"), [(5, 0.0625, "no significant change"), (6, 0.0312, "better")]
)
def test_it_takes_six_prompts_to_prove_something(prompts: int, p_value: float, verdict: str) -> None:
    stages = ("base", "sft")
    scores = judged(
        *(
            (stage, number, "甲", points)
            for number in range(prompts)
            for stage, points in zip(stages, (1, 4), strict=True)
        )
    )
    found = metrics(panels(*stages, prompts=range(prompts)), scores, Resampling(500, 42))[0].comparisons[0]
    assert (found.low, found.high, found.p_value, found.verdict) == (3.0, 3.0, p_value, verdict)


def test_only_what_a_rater_said_of_both_stages_is_compared() -> None:
    """A mild rater who has seen one stage only would make it look better."""
    strict = [(stage, number, "strict", 2) for stage, number in product(("base", "sft"), PROMPTS)]
    mild = [("sft", number, "mild", 5) for number in PROMPTS]
    metric = metric_of(judged(*strict, *mild), "base", "sft")
    assert metric.stages["sft"].value == 3.5
    (comparison,) = metric.comparisons
    assert (comparison.before, comparison.after, comparison.delta) == (2.0, 2.0, 0.0)
    assert comparison.verdict == "no significant change"


def test_raters_of_one_prompt_are_not_taken_for_more_prompts() -> None:
    one = [("base", number, "甲", number) for number in PROMPTS]
    many = [("base", number, rater, number) for number in PROMPTS for rater in "甲乙丙丁"]
    single, several = (metric_of(judged(*given), "base").stages["base"] for given in (one, many))
    assert single == several


def test_a_criterion_not_yet_judged_counts_in_the_others_only() -> None:
    scores = judged(("base", 0, "甲", {"content": 4}), ("base", 1, "甲", 2))
    assert metric_of(scores, "base", name="panel_score_content").stages["base"].value == 3
    assert metric_of(scores, "base", name="panel_score_following").stages["base"].n == 1
    assert metric_of(scores, "base").stages["base"].value == 2


def test_stages_that_nobody_scored_together_are_not_compared() -> None:
    metric = metric_of(judged(("base", 0, "甲", 4), ("sft", 0, "乙", 2)), "base", "sft", "align")
    assert (list(metric.stages), metric.comparisons) == (["base", "sft"], [])


def test_a_model_trained_anew_inherits_nothing() -> None:
    scores = judged(("align", 0, "甲", 5), ("base", 0, "甲", 1))
    assert list(metric_of(scores, "base", "sft").stages) == ["base"]
    found = ratings(panels("base", "sft"), scores)
    assert (found.replies, found.of, found.judgements, found.of_other_replies) == (1, 8, 1, 1)
    assert metrics(panels("sft"), scores, Resampling(100, 0)) == []
    assert ratings(panels("sft"), scores) is None


def test_two_stages_that_said_the_same_share_the_score() -> None:
    same = panels("base", "sft")
    same["sft"]["samples"] = same["base"]["samples"]
    (found,) = [m for m in metrics(same, judged(("base", 0, "甲", 3)), Resampling(100, 0)) if m.name == "panel_score"]
    assert (found.stages["base"].value, found.stages["sft"].value, found.comparisons[0].delta) == (3, 3, 0)
    assert (ratings(same, judged(("base", 0, "甲", 3))).of, ratings(same, {}) is None) == (4, True)


def test_who_judged_what() -> None:
    scores = judged(("base", 0, "甲", 3), ("base", 0, "乙", 4), ("sft", 1, "甲", 5), failure="format")
    scores[reply("sft", 1)]["乙"] = judged(("sft", 1, "乙", 5), failure="none")[reply("sft", 1)]["乙"]
    found = ratings(panels("base", "sft"), scores)
    assert (found.raters, found.replies, found.judgements, found.guessed_alike) == (2, 2, 4, 0.75)
    assert found.failures == {"base": {"format": 2}, "sft": {"none": 1, "format": 1}}
    assert list(found.agreement) == ["following", "content", "language", "failure"]
    assert found.agreement["content"].model_dump() == {"replies": 2, "alpha": 0.833, "same": 0.5, "within_one": 1.0}
    assert found.agreement["failure"].within_one is None


def test_agreement_of_a_published_example() -> None:
    """Krippendorff, Computing Krippendorff's Alpha-Reliability (2011), section E: ordinal 0.815, nominal 0.743."""
    table = ["123321412...", "1233224125.3", ".3332342251.", "12332441251."]
    units = [
        {str(rater): int(row[column]) for rater, row in enumerate(table) if row[column] != "."} for column in range(12)
    ]
    assert agreement(units, "ordinal").alpha == pytest.approx(0.815, abs=5e-4)
    assert agreement(units, "nominal").alpha == pytest.approx(0.743, abs=5e-4)
    assert agreement(units, "nominal").items == 11


@pytest.mark.parametrize(
    ("items", "alpha", "same", "within_one"),
    [
        ([{"a": 3, "b": 3}, {"a": 3, "b": 3}], None, 1.0, 1.0),
        ([{"a": 1, "b": 1}, {"a": 4, "b": 4}], 1.0, 1.0, 1.0),
        ([{"a": 1, "b": 2}, {"a": 4, "b": 2}, {"a": 5}], 0.25, 0.0, 0.5),
    ],
)
def test_agreement(items: list[dict], alpha: float | None, same: float, within_one: float) -> None:
    found = agreement(items, "ordinal")
    assert (found.alpha, found.same, found.within_one) == (alpha, same, within_one)


def test_one_rater_agrees_with_nobody() -> None:
    assert agreement([{"a": 3}, {"a": 4}], "ordinal") is None


def built() -> Report:
    scores: Scores = {}
    for rater, points in (("甲", 4), ("乙", 2)):
        score = PanelScore(
            reply_id="0" * 64,
            rater=rater,
            scores={"following": points, "content": 3, "language": 5},
            failure="format",
            comment="<b>短</b>" if rater == "甲" else " ",
        )
        scores.setdefault("0" * 64, {})[rater] = score
    config = report.ReportConfig.model_validate(report_samples.CONFIG)
    evaluations = {"panel": report_samples.evaluations()["panel"]}
    return report.build(config, evaluations, {}, report_samples.CARD, None, PROVENANCE, scores)


def test_the_report_has_them() -> None:
    found = built()
    assert [metric.name for metric in found.metrics] == [
        "panel_passed",
        "panel_score",
        "panel_score_following",
        "panel_score_content",
        "panel_score_language",
    ]
    assert found.panel.prompts[0].replies["sft"].scores == {"following": 3.0, "content": 3.0, "language": 5.0}
    assert found.panel.prompts[0].replies["sft"].comments == ["<b>短</b>"]
    assert found.panel.ratings.raters == 2
    assert found.panel.failures["base"] == {"format": 1}
    assert Report.model_validate(found.as_json()) == found
    assert "甲" not in str(found.as_json())  # nobody's name is told


def test_the_page_shows_them_in_both_languages_and_takes_comments_for_text() -> None:
    reader = read(html_page.page(built()))
    shown = re.sub(r"\s+", " ", reader.text)
    assert "评分者Raters: 2 · 已评回答replies judged: 1 / 1 · 评分次数judgements: 2" in shown
    assert "遵循指令Instruction kept 3.0 · 内容Content 3.0 · 语言Language 5.0" in shown
    assert shown.count("<b>短</b>") == 3  # all stages said the same
    assert "格式format 2" in shown
    assert "规则猜测的毛病与人工判断相同：The failure guessed by rules is the one people named: 100%" in shown
    assert "Krippendorff" in shown
    tables = csv_of(html_page.page(built()))
    assert tables["agreement.csv"][:2] == [
        ["criterion", "replies", "alpha", "same", "within_one"],
        ["following", "1", str(built().panel.ratings.agreement["following"].alpha), "0.0", "0.0"],
    ]
    assert ["base", "format", "2"] in tables["people_failures.csv"]


def test_the_page_without_them() -> None:
    page = html_page.page(test_report.build())
    assert "评分者" not in page and "毛病（规则猜测）" in page


def test_nothing_is_said_where_nobody_judged() -> None:
    assert said_of("0" * 64, {}) == {}
