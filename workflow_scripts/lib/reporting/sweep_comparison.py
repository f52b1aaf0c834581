"""The variants of a sweep side by side: item by item against the first group, and over the seeds of each group."""

from typing import Any

from pydantic import BaseModel, ConfigDict

from workflow_scripts.lib.reporting.report_metrics import Resampling, all_metrics, corrected, corrections
from workflow_scripts.lib.reporting.report_schema import Metric
from workflow_scripts.lib.reporting.run_comparison import RESAMPLES, Comparison, Run, different_settings
from workflow_scripts.lib.reporting.seed_statistics import GroupedMetric, by_group


class Member(BaseModel):
    """A variant that finished: its run, its name without the seed, its seed, and what sets it apart."""

    model_config = ConfigDict(frozen=True)

    run: Run
    group: str
    seed: int | None
    told: dict[str, Any]


class SweepComparison(Comparison):
    """With figures over seeds; variants of ``failed`` are missing in all of it."""

    members: list[Member]
    failed: list[str]
    grouped: list[GroupedMetric]

    @property
    def summary(self) -> str:
        differences = [difference for metric in self.grouped for difference in metric.differences]
        told = sum(difference.verdict in ("better", "worse") for difference in differences)
        groups = len({member.group for member in self.members})
        return (
            f"{len(self.members)} variants in {groups} groups; over seeds {told} of {len(differences)} differences "
            f"are significant, item by item {self.corrections.significant} of {self.corrections.comparisons}"
        )

    def as_json(self) -> dict[str, Any]:
        """Return the figures; what each run judged stands in its own results."""
        variants = [
            {"name": member.run.name, **member.model_dump(include={"group", "seed", "told"})} for member in self.members
        ]
        figures = self.model_dump(mode="json", by_alias=True, exclude={"runs", "members"})
        return {"variants": variants, **figures}


def compare(members: list[Member], failed: list[str]) -> SweepComparison:
    """Compare each variant with that of the first group which has its seed, on the items that both judged.

    All pairs would be some ten thousand for two hundred variants, and say no more.
    """
    runs = [member.run for member in members]
    references = {member.seed: member.run for member in members if member.group == members[0].group}
    metrics: dict[str, Metric] = {}
    for member in members:
        pair = [run for run in (references.get(member.seed), member.run) if run is not None]
        for metric in all_metrics(_evaluations(pair[-2:]), Resampling(RESAMPLES, runs[0].report.seed)):
            metrics[metric.name] = _joined(metrics.get(metric.name), metric)
    found = corrected(list(metrics.values()))
    groups: dict[str, dict[str, str]] = {}
    for member in members:
        groups.setdefault(member.group, {})[str(member.seed)] = member.run.name
    return SweepComparison(
        runs=runs,
        metrics=found,
        corrections=corrections(found),
        settings=different_settings(_evaluations(runs), runs),
        members=members,
        failed=failed,
        grouped=by_group(found, groups),
    )


def _evaluations(runs: list[Run]) -> dict[str, dict[str, dict[str, Any]]]:
    kinds = dict.fromkeys(kind for run in runs for kind in run.results)
    return {kind: {run.name: run.results[kind] for run in runs if kind in run.results} for kind in kinds}


def _joined(known: Metric | None, metric: Metric) -> Metric:
    if known is None:
        return metric
    stages = known.stages | metric.stages
    return known.model_copy(update={"stages": stages, "comparisons": [*known.comparisons, *metric.comparisons]})
