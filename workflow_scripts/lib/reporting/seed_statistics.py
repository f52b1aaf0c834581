"""What runs that differ by their seed alone say together: mean, spread, and the interval that so few of them allow."""

from typing import Self

import numpy as np
from pydantic import BaseModel, ConfigDict
from scipy import stats

from workflow_scripts.lib.evaluation.statistics import Difference, holm
from workflow_scripts.lib.reporting.report_metrics import LEVEL, verdict
from workflow_scripts.lib.reporting.report_schema import Metric, Verdict


class Part(BaseModel):
    model_config = ConfigDict(frozen=True)


class Spread(Part):
    """``n`` runs' figures: mean, standard deviation (with n - 1), and the 95 % t interval of the mean.

    One run has no deviation, and figures that are all the same have no interval: they do not tell how far seeds go.
    """

    n: int
    mean: float
    deviation: float | None = None
    low: float | None = None
    high: float | None = None
    values: dict[str, float]

    @classmethod
    def of(cls, values: dict[str, float]) -> Self:
        """Return that of figures by seed."""
        found = {"n": len(values), "mean": round(float(np.mean(list(values.values()))), 6), "values": values}
        if len(values) > 1:
            found["deviation"] = round(float(np.std(list(values.values()), ddof=1)), 6)
        if len(set(values.values())) > 1:
            low, high = _interval(list(values.values()))
            found |= {"low": round(low, 6), "high": round(high, 6)}
        return cls(**found)


class GroupDifference(Part):
    """``second`` minus ``first`` over the ``n`` seeds that both have, by a paired t-test.

    Interval and p-values are None with one seed, and where every seed has the same difference, which tells nothing of
    how much seeds matter.
    """

    first: str
    second: str
    n: int
    delta: float
    low: float | None = None
    high: float | None = None
    p_value: float | None = None
    p_holm: float | None = None
    verdict: Verdict | None = None


class GroupedMetric(Part):
    """A figure by group: its spread over seeds, and how each group differs from the first."""

    name: str
    unit: str
    lower_is_better: bool
    groups: dict[str, Spread]
    differences: list[GroupDifference]

    @property
    def reach(self) -> float:
        """How far from 0 the intervals go."""
        return max((max(abs(d.low), abs(d.high)) for d in self.differences if d.low is not None), default=0.0)

    def against_first(self, group: str) -> GroupDifference | None:
        return next((difference for difference in self.differences if difference.second == group), None)


def by_group(metrics: list[Metric], groups: dict[str, dict[str, str]]) -> list[GroupedMetric]:
    """Return the metrics of several runs by their groups, with Holm's correction over all differences.

    Args:
        metrics: With a value a run, under its name.
        groups: Group to seed to name of a run. The first one is what the others are compared with.
    """
    found = []
    for metric in metrics:
        values = {
            group: {seed: metric.stages[name].value for seed, name in runs.items() if name in metric.stages}
            for group, runs in groups.items()
        }
        first, *others = [group for group in values if values[group]]
        differences = [_difference(first, group, values, lower_is_better=metric.lower_is_better) for group in others]
        found.append(
            GroupedMetric(
                name=metric.name,
                unit=metric.unit,
                lower_is_better=metric.lower_is_better,
                groups={group: Spread.of(each) for group, each in values.items() if each},
                differences=[difference for difference in differences if difference],
            )
        )
    return _corrected(found)


def _difference(
    first: str, second: str, values: dict[str, dict[str, float]], *, lower_is_better: bool
) -> GroupDifference | None:
    seeds = [seed for seed in values[first] if seed in values[second]]
    if not seeds:
        return None
    each = [values[second][seed] - values[first][seed] for seed in seeds]
    told = {"first": first, "second": second, "n": len(seeds), "delta": round(float(np.mean(each)), 6)}
    if len(seeds) < 2 or np.ptp(each) == 0:
        return GroupDifference(**told)
    low, high = _interval(each)
    p_value = float(stats.ttest_1samp(each, 0.0).pvalue)
    judged = verdict(Difference(told["delta"], low, high), p_value, lower_is_better=lower_is_better)
    told |= {"low": round(low, 6), "high": round(high, 6), "p_value": float(f"{p_value:.3g}"), "verdict": judged}
    return GroupDifference(**told)


def _interval(values: list[float]) -> tuple[float, float]:
    """Return mean ± t s / sqrt(n), t of n - 1 degrees of freedom (Student 1908)."""
    half = stats.t.ppf(1 - LEVEL / 2, len(values) - 1) * np.std(values, ddof=1) / np.sqrt(len(values))
    return float(np.mean(values) - half), float(np.mean(values) + half)


def _corrected(metrics: list[GroupedMetric]) -> list[GroupedMetric]:
    found = [difference for metric in metrics for difference in metric.differences if difference.p_value is not None]
    p_values = dict(zip(map(id, found), holm([difference.p_value for difference in found]), strict=True))

    def with_p(difference: GroupDifference) -> GroupDifference:
        if difference.p_value is None:
            return difference
        return difference.model_copy(update={"p_holm": float(f"{p_values[id(difference)]:.3g}")})

    return [m.model_copy(update={"differences": [with_p(each) for each in m.differences]}) for m in metrics]
