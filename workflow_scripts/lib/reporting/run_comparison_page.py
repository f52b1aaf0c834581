"""The comparison of runs as one page in the style of the report."""

from pathlib import Path

from workflow_scripts.lib.reporting import csv_tables, html_page, report_words
from workflow_scripts.lib.reporting.run_comparison import Comparison


def page(comparison: Comparison) -> str:
    tables = {"figures": csv_tables.figures(comparison.metrics), "changes": csv_tables.changes(comparison.metrics)}
    return html_page.render(
        Path(__file__).with_suffix(".jinja"),
        tables,
        comparison=comparison,
        names=[run.name for run in comparison.runs],
        reading=report_words.READING,
    )
