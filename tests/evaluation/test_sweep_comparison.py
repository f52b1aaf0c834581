"""A sweep's variants: item by item against the first group with the same seed, and over the seeds of each group."""

import copy
import math
from pathlib import Path

import pytest
import report_samples
from test_html import csv_of, read
from test_run_comparison import write_run

from workflow_scripts.lib.reporting import run_files, sweep_comparison, sweep_page
from workflow_scripts.lib.reporting.report_schema import Metric, StageValue
from workflow_scripts.lib.reporting.seed_statistics import Spread, by_group
from workflow_scripts.lib.reporting.sweep_comparison import Member, SweepComparison

T_2 = 4.302652729911275  # 97.5 percentile of Student's t, 2 degrees of freedom (tables)


def metric(name: str, values: dict[str, float], *, lower_is_better: bool = False) -> Metric:
    stages = {run: StageValue(value=value, n=10) for run, value in values.items()}
    told = {"name": name, "kind": "form", "unit": "share", "lower_is_better": lower_is_better}
    return Metric(**told, stages=stages, comparisons=[])


def test_a_spread_is_mean_deviation_and_t_interval() -> None:
    found = Spread.of({"1": 1.0, "2": 2.0, "3": 6.0})
    assert (found.n, found.mean) == (3, 3.0)
    assert found.deviation == pytest.approx(math.sqrt(7), abs=1e-6)
    half = T_2 * math.sqrt(7 / 3)
    assert (found.low, found.high) == (pytest.approx(3 - half, abs=1e-6), pytest.approx(3 + half, abs=1e-6))
    one = Spread.of({"1": 2.0})
    assert (one.n, one.mean, one.deviation, one.low, one.high) == (1, 2.0, None, None, None)
    same = Spread.of({"1": 2.0, "2": 2.0})
    assert (same.n, same.deviation, same.low) == (2, 0.0, None)


def test_groups_differ_by_the_mean_over_common_seeds() -> None:
    values = {"a1": 0.1, "a2": 0.2, "a3": 0.3, "b1": 0.3, "b2": 0.41, "b3": 0.49, "c2": 0.1}
    groups = {"a": {"1": "a1", "2": "a2", "3": "a3"}, "b": {"1": "b1", "2": "b2", "3": "b3"}, "c": {"2": "c2"}}
    (found,) = by_group([metric("form", values)], groups)
    b, c = found.differences
    assert (b.first, b.second, b.n, b.delta, b.verdict) == ("a", "b", 3, 0.2, "better")
    half = T_2 * 0.01 / math.sqrt(3)  # of 0.20, 0.21, 0.19
    assert (b.low, b.high) == (pytest.approx(0.2 - half, abs=1e-6), pytest.approx(0.2 + half, abs=1e-6))
    assert 0 < b.p_value < 0.01
    assert b.p_holm == b.p_value, "there is one test"
    assert (c.second, c.n, c.delta, c.low, c.p_value, c.verdict) == ("c", 1, -0.1, None, None, None)
    assert found.groups["c"].n == 1


def test_p_values_are_corrected_over_all_figures_and_groups() -> None:
    groups = {"a": {"1": "a1", "2": "a2"}, "b": {"1": "b1", "2": "b2"}}
    far, near = {"a1": 0.1, "a2": 0.2, "b1": 0.5, "b2": 0.61}, {"a1": 0.1, "a2": 0.2, "b1": 0.5, "b2": 0.3}
    found = by_group([metric("form", far), metric("loss", near, lower_is_better=True)], groups)
    (first,), (second,) = (each.differences for each in found)
    assert first.p_holm == pytest.approx(2 * first.p_value, rel=0.01)
    assert second.p_holm == second.p_value > 0.05
    assert (first.verdict, second.verdict) == ("better", "no significant change")


def test_seeds_that_make_no_difference_prove_nothing() -> None:
    groups = {"a": {"1": "a1", "2": "a2"}, "b": {"1": "b1", "2": "b2"}}
    (found,) = by_group([metric("form", {"a1": 0.1, "a2": 0.1, "b1": 0.5, "b2": 0.5})], groups)
    (difference,) = found.differences
    assert (difference.n, difference.delta) == (2, 0.4)
    assert (difference.low, difference.p_value, difference.verdict) == (None, None, None)


@pytest.fixture
def comparison(tmp_path: Path) -> SweepComparison:
    """ORPO and DPO with two seeds each; DPO has the lower perplexity, and its second seed judged no form."""
    members = []
    for group, base in (("orpo", 20.0), ("dpo", 15.0)):
        for seed in (1, 2):
            evaluations = copy.deepcopy(report_samples.evaluations())
            evaluations["perplexity"]["align"] = report_samples.perplexity([base + seed, base + 1, base - seed])
            if (group, seed) == ("dpo", 2):
                del evaluations["form"]
            folder = write_run(tmp_path / f"{group},seed={seed}", evaluations)
            run = run_files.read(folder.name, folder / "results" / "eval")
            told = {"align.method": group, "align.seed": seed}
            members.append(Member(run=run, group=group, seed=seed, told=told))
    return sweep_comparison.compare(members, ["simpo,seed=1"])


def test_variants_are_compared_with_the_first_group_of_their_seed(comparison: SweepComparison) -> None:
    metrics = {metric.name: metric for metric in comparison.metrics}
    pairs = [(each.first, each.second) for each in metrics["perplexity"].comparisons]
    assert pairs == [("orpo,seed=1", "dpo,seed=1"), ("orpo,seed=2", "dpo,seed=2")]
    assert [each.verdict for each in metrics["perplexity"].comparisons] == ["better", "better"]
    assert len(metrics["perplexity"].stages) == 4
    assert [(each.first, each.second) for each in metrics["form"].comparisons] == [("orpo,seed=1", "dpo,seed=1")]
    grouped = {metric.name: metric for metric in comparison.grouped}
    assert {group: found.n for group, found in grouped["form"].groups.items()} == {"orpo": 2, "dpo": 1}
    assert grouped["perplexity"].differences[0].n == 2


def test_the_page_and_the_json_tell_of_seeds_and_of_what_failed(comparison: SweepComparison) -> None:
    html = sweep_page.page("orpo_or_dpo", comparison)
    text = read(html).text
    assert "Sweep: orpo_or_dpo" in text
    assert "Failed, and not on this page: simpo,seed=1" in text
    assert "align.method: dpo" in text
    seeds = {(row[0], row[2]): row for row in csv_of(html)["seeds.csv"][1:]}
    header = csv_of(html)["seeds.csv"][0]
    dpo = dict(zip(header, seeds["perplexity", "dpo"], strict=True))
    assert (dpo["n"], dpo["difference_n"]) == ("2", "2")
    assert float(dpo["difference_delta"]) < 0
    assert dict(zip(header, seeds["perplexity", "orpo"], strict=True))["difference_delta"] == ""
    told = comparison.as_json()
    assert told["failed"] == ["simpo,seed=1"]
    assert told["variants"][2] == {
        "name": "dpo,seed=1",
        "group": "dpo",
        "seed": 1,
        "told": {"align.method": "dpo", "align.seed": 1},
    }
    assert "samples" not in str(told)
    assert comparison.summary.startswith("4 variants in 2 groups; over seeds ")


def test_without_seeds_there_are_no_intervals_over_them(comparison: SweepComparison) -> None:
    members = [member.model_copy(update={"seed": None}) for member in comparison.members if member.seed == 1]
    found = sweep_comparison.compare(members, [])
    assert all(spread.n == 1 and spread.low is None for metric in found.grouped for spread in metric.groups.values())
    assert all(difference.p_value is None for metric in found.grouped for difference in metric.differences)
    assert "Failed" not in read(sweep_page.page("plain", found)).text
