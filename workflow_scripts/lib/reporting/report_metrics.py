"""Figures of each stage, and of each pair of stages, from what the evaluations wrote."""

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import combinations
from statistics import fmean

import numpy as np

from workflow_scripts.lib.evaluation import statistics
from workflow_scripts.lib.evaluation.safety_rates import JUDGED_RATES, RATES
from workflow_scripts.lib.evaluation.statistics import Difference
from workflow_scripts.lib.reporting import report_words
from workflow_scripts.lib.reporting.report_schema import Comparison, Corrections, Metric, StageValue, Verdict, Words

LEVEL = 0.05  # of the exact test, as the intervals are of 95 %
Results = dict[str, dict]  # stage -> what one evaluation wrote
Key = tuple[str, str, int]  # task, id, which of the items of that id


@dataclass(frozen=True)
class Resampling:
    """How intervals are drawn: number of resamples, and the seed."""

    samples: int
    seed: int


def all_metrics(evaluations: dict[str, Results], resampling: Resampling) -> list[Metric]:
    """Return the metrics of all evaluations; one that had nothing to judge (no row fitted, say) has none.

    Args:
        evaluations: Kind (``perplexity``, ``form``, ``preference``, ``panel``, ``harness/<task>``) -> stage -> result.
    """
    metrics = []
    for kind, results in evaluations.items():
        measured = {stage: result for stage, result in results.items() if result["samples"]}
        metrics += _metrics(kind, measured, resampling) if measured else []
    return metrics


def _metrics(kind: str, results: Results, resampling: Resampling) -> Iterator[Metric]:
    if kind == "perplexity":
        yield _ratio("perplexity", "tokens", np.exp, "per token", results, resampling)
        yield _ratio("nats_per_character", "characters", np.asarray, "nats", results, resampling)
    elif kind == "form":
        yield _mean("form", "form", "ok", "share", results, resampling)
    elif kind == "decoding":
        for name in sorted({name for result in results.values() for name in result["figures"]}):
            lower = name.endswith("_repetition")
            yield _mean(f"decoding_{name}", "decoding", name, "share", results, resampling, lower_is_better=lower)
    elif kind == "judgement":
        yield _mean("judgement", "judgement", "ok", "share", results, resampling)
        for law in ("original", "changed"):
            of_law = {stage: {"samples": [s for s in r["samples"] if s["law"] == law]} for stage, r in results.items()}
            if any(result["samples"] for result in of_law.values()):
                yield _mean(f"judgement_{law}", "judgement", "ok", "share", of_law, resampling)
    elif kind == "preference":
        yield _mean("preference_accuracy", "preference", "correct", "share", results, resampling)
        yield _mean("preference_margin", "preference", "margin", "nats per token", results, resampling)
    elif kind == "panel":
        if any("passed" in sample for result in results.values() for sample in result["samples"]):
            yield _mean("panel_passed", "panel", "passed", "share", results, resampling)
    elif kind in ("safety", "safety_judged"):
        for name, field in (RATES if kind == "safety" else JUDGED_RATES).items():
            if any(field in sample for result in results.values() for sample in result["samples"]):
                lower = not name.endswith("refusal_rate") or "over_refusal" in name
                yield _mean(name, "safety", field, "share", results, resampling, lower_is_better=lower)
    else:
        yield _harness(kind, results, resampling)


def _mean(
    name: str,
    kind: str,
    field: str,
    unit: str,
    results: Results,
    resampling: Resampling,
    *,
    lower_is_better: bool = False,
) -> Metric:
    values = {stage: _by_item(result["samples"], field) for stage, result in results.items()}
    binary = all(type(sample.get(field, False)) is bool for r in results.values() for sample in r["samples"])
    stages = {}
    for stage, found in values.items():
        if found:
            mean, error = statistics.mean_and_error(list(found.values()))
            stages[stage] = stage_value(mean, error, len(found))
    difference = _mean_difference(values, resampling)
    comparisons = _compare(stages, values, difference, _mean_of(values), binary=binary, lower_is_better=lower_is_better)
    told = {"name": name, "kind": kind, "unit": unit, "lower_is_better": lower_is_better}
    return Metric(**told, stages=stages, comparisons=comparisons)


def _ratio(name: str, weight: str, transform: Callable, unit: str, results: Results, resampling: Resampling) -> Metric:
    """Return sum of nats / sum of weights, transformed, e.g. a perplexity."""
    nats, weights = (
        {stage: _by_item(result["samples"], field) for stage, result in results.items()} for field in ("nats", weight)
    )
    stages = {}
    for stage, found in nats.items():
        if not found:
            continue
        ratio, error = statistics.ratio_and_error(list(found.values()), list(weights[stage].values()))
        value = float(transform(ratio))
        # the delta method: the derivative of exp is exp itself
        error = error * value if error is not None and transform is np.exp else error
        stages[stage] = stage_value(value, error, len(found))

    def difference(first: str, second: str, keys: list[Key]) -> Difference:
        columns = [[column[key] for key in keys] for column in (nats[first], nats[second], weights[second])]
        return statistics.bootstrap_ratio_difference(*columns, resampling.samples, resampling.seed, transform=transform)

    def ratio_of(stage: str, keys: list[Key]) -> float:
        return float(transform(sum(nats[stage][key] for key in keys) / sum(weights[stage][key] for key in keys)))

    comparisons = _compare(stages, nats, difference, ratio_of, lower_is_better=True)
    return Metric(name=name, kind="perplexity", unit=unit, lower_is_better=True, stages=stages, comparisons=comparisons)


def _harness(kind: str, results: Results, resampling: Resampling) -> Metric:
    metric = next(iter(results.values()))["metric"]
    values = {stage: _by_item(result["samples"], metric) for stage, result in results.items()}
    stages = {stage: stage_value(r["value"], r.get("stderr"), r["n"]) for stage, r in results.items()}
    binary = all(value in (0.0, 1.0) for found in values.values() for value in found.values())
    lower = metric.split(",")[0] in ("word_perplexity", "byte_perplexity", "bits_per_byte", "ter")
    difference = _mean_difference(values, resampling)
    return Metric(
        name=kind.removeprefix("harness/"),
        kind="harness",
        unit=metric,
        lower_is_better=lower,
        stages=stages,
        comparisons=_compare(stages, values, difference, _mean_of(values), binary=binary, lower_is_better=lower),
        commands={stage: result["command"] for stage, result in results.items()},
    )


def _by_item(samples: list[dict], field: str) -> dict[Key, float]:
    """Return the field of the samples that have it; an id that comes again is another item."""
    seen: Counter[tuple] = Counter()
    values = {}
    for sample in samples:
        name = (sample.get("task", ""), sample["id"])
        if field in sample:
            values[*name, seen[name]] = float(sample[field])
            seen[name] += 1
    return values


def _mean_difference(values: dict[str, dict[Key, float]], resampling: Resampling) -> Callable[..., Difference]:
    def difference(first: str, second: str, keys: list[Key]) -> Difference:
        return statistics.bootstrap_difference(
            [values[first][key] for key in keys],
            [values[second][key] for key in keys],
            resampling.samples,
            resampling.seed,
        )

    return difference


def _mean_of(values: dict[str, dict[Key, float]]) -> Callable[[str, list[Key]], float]:
    return lambda stage, keys: fmean(values[stage][key] for key in keys)


def _compare(
    stages: dict[str, StageValue],
    values: dict[str, dict[Key, float]],
    difference: Callable[[str, str, list[Key]], Difference],
    value_of: Callable[[str, list[Key]], float],
    *,
    binary: bool = False,
    lower_is_better: bool = False,
) -> list[Comparison]:
    comparisons = []
    for first, second in combinations(stages, 2):
        keys = [key for key in values[first] if key in values[second]]
        if not keys:
            continue
        found = difference(first, second, keys)
        # a stage that has more items than both have in common is another figure on those
        before, after = (
            stages[stage].value if len(values[stage]) == len(keys) else round(value_of(stage, keys), 6)
            for stage in (first, second)
        )
        p_value = None
        if binary:
            sides = ([values[stage][key] == 1 for key in keys] for stage in (first, second))
            p_value = float(f"{statistics.mcnemar(*sides):.3g}")
        comparisons.append(
            compared(
                (first, second),
                (before, after),
                found,
                len(keys),
                p_value,
                lower_is_better=lower_is_better,
                test=report_words.MCNEMAR,
            )
        )
    return comparisons


def compared(
    pair: tuple[str, str],
    values: tuple[float, float],
    found: Difference,
    count: int,
    p_value: float | None,
    *,
    lower_is_better: bool,
    test: Words,
) -> Comparison:
    """Return how two stages differ: their names, their values and the difference, all on ``count`` items of both."""
    return Comparison(
        first=pair[0],
        second=pair[1],
        before=values[0],
        after=values[1],
        delta=round(found.delta, 6),
        low=round(found.low, 6),
        high=round(found.high, 6),
        n=count,
        p_value=p_value,
        p_bootstrap=float(f"{found.p_value:.3g}"),
        verdict=verdict(found, p_value, lower_is_better=lower_is_better),
        explanation=report_words.explanation(found, p_value, LEVEL, test),
    )


def corrected(metrics: list[Metric]) -> list[Metric]:
    """Return the metrics with Holm's correction over all their comparisons."""
    found = [comparison for metric in metrics for comparison in metric.comparisons]
    p_values = iter(statistics.holm([c.p_bootstrap if c.p_value is None else c.p_value for c in found]))

    def with_p(comparison: Comparison) -> Comparison:
        return comparison.model_copy(update={"p_holm": float(f"{next(p_values):.3g}")})

    return [m.model_copy(update={"comparisons": [with_p(each) for each in m.comparisons]}) for m in metrics]


def corrections(metrics: list[Metric]) -> Corrections:
    """Count what Holm's correction leaves."""
    found = [comparison for metric in metrics for comparison in metric.comparisons]
    significant = [comparison for comparison in found if comparison.verdict != "no significant change"]
    left = sum(comparison.p_holm < LEVEL for comparison in significant)
    text = report_words.corrections(len(found), len(significant), left)
    return Corrections(comparisons=len(found), significant=len(significant), after_holm=left, text=text)


def verdict(difference: Difference, p_value: float | None, *, lower_is_better: bool) -> Verdict:
    """Say in words what an interval means; one that holds 0 means that nothing is proven.

    The bootstrap of a few right or wrong answers is too sure of itself, so there McNemar's exact test must agree.
    """
    if not difference.significant or (p_value is not None and p_value >= LEVEL):
        return "no significant change"
    return "better" if (difference.delta < 0) == lower_is_better else "worse"


def stage_value(value: float, error: float | None, count: int) -> StageValue:
    return StageValue(value=round(value, 6), stderr=None if error is None else round(error, 6), n=count)
