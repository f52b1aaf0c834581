"""The comparison of a sweep's variants as one page in the style of the report."""

from workflow_scripts.lib.reporting import run_comparison_page
from workflow_scripts.lib.reporting.csv_tables import Table
from workflow_scripts.lib.reporting.seed_statistics import GroupedMetric
from workflow_scripts.lib.reporting.sweep_comparison import SweepComparison


def page(name: str, comparison: SweepComparison) -> str:
    return run_comparison_page.page(comparison, name, {"seeds": seeds(comparison.grouped)})


def seeds(metrics: list[GroupedMetric]) -> Table:
    """Return a line for each figure and group: its spread over seeds, and how it differs from the first group."""
    spread, told = (
        ("n", "mean", "deviation", "low", "high"),
        ("n", "delta", "low", "high", "p_value", "p_holm", "verdict"),
    )
    rows = []
    for metric in metrics:
        for group, found in metric.groups.items():
            difference = [getattr(metric.against_first(group), field, None) for field in told]
            rows.append([metric.name, metric.unit, group, *(getattr(found, field) for field in spread), *difference])
    return [["figure", "unit", "group", *spread, *(f"difference_{field}" for field in told)], *rows]
