"""The comparison of runs as one page in the style of the report."""

from pathlib import Path

from workflow_scripts.lib.reporting import csv_tables, html_page, report_words
from workflow_scripts.lib.reporting.csv_tables import Table
from workflow_scripts.lib.reporting.run_comparison import Comparison


def page(comparison: Comparison, sweep: str | None = None, more: dict[str, Table] | None = None) -> str:
    """Return the page.

    Args:
        comparison: Of runs, or of a sweep's variants.
        sweep: The sweep's name.
        more: Tables to offer as CSV, beside figures and changes.
    """
    tables = {"figures": csv_tables.figures(comparison.metrics), "changes": csv_tables.changes(comparison.metrics)}
    names = [run.name for run in comparison.runs]
    return html_page.render(
        Path(__file__).with_suffix(".jinja"),
        tables | (more or {}),
        comparison=comparison,
        names=names,
        sweep=sweep,
        title=sweep or ", ".join(names),
        reading=report_words.READING,
    )
