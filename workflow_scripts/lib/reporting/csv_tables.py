"""The report's figures as CSV, for spreadsheets: a table for each part of the page."""

import base64
import csv
import io
from collections.abc import Iterable
from typing import Any

from markupsafe import Markup

from workflow_scripts.lib.reporting.report_schema import Judgement, Metric, Report, Training

Table = list[list[Any]]
FORMULA = ("=", "+", "-", "@", "\t", "\r")  # a cell that begins so is computed by a spreadsheet


def tables(report: Report) -> dict[str, Table]:
    """Return the tables by name, each with its header; parts that the report lacks are not there."""
    found = {"figures": figures(report.metrics), "changes": changes(report.metrics), "gates": _gates(report)}
    found |= {f"training_{stage}": _training(training) for stage, training in report.training.items()}
    if report.sampling:
        splits = {name: getattr(report.sampling, name) for name in ("train", "validation")}
        found["sampling"] = _groups((), [(splits,)])
        found["sampling_verdicts"] = _counts({name: split.verdicts for name, split in splits.items()})
    found |= {"funnel": _funnel(report), "uses": _uses(report), "lengths": _lengths(report)}
    found["languages"] = _counts(report.data.languages, "source")
    if report.perplexity:
        groups = {"source": report.perplexity.by_source, "language": report.perplexity.by_lang}
        rows = [(kind, name, stages) for kind, of in groups.items() for name, stages in of.items()]
        found["perplexity"] = _groups(("kind", "group"), rows)
    if report.preference:
        groups = {"all": report.preference.all} | report.preference.groups
        found["preference"] = _groups(("pairs_of",), list(groups.items()))
    if report.form:
        found["form"] = _groups((), [(report.form.stages,)])
        found["form_faults"] = _counts({stage: part.faults for stage, part in report.form.stages.items()})
    if report.safety:
        found["safety"] = _counts(report.safety.counts)
        if report.safety.judge:
            found["safety_judge"] = _groups((), [(report.safety.judge.stages,)])
    if report.judgement:
        found["judgement"] = _judgement(report.judgement)
        found["judgement_faults"] = _counts(report.judgement.faults)
    if report.panel:
        found["panel"] = _counts(report.panel.summary)
        found["panel_failures"] = _counts(report.panel.failures)
    if report.panel and (ratings := report.panel.ratings):
        found["people_failures"] = _counts(ratings.failures)
        found["agreement"] = _groups((), [(ratings.agreement,)], "criterion") if ratings.agreement else []
    return {name: table for name, table in found.items() if len(table) > 1}


def text(table: Table) -> str:
    """Return a table as CSV; a name that a spreadsheet would take for a formula gets an apostrophe before it."""
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerows([_cell(value) for value in row] for row in table)
    return stream.getvalue()


def link(name: str, table: Table) -> Markup:
    """Return a link that holds the table itself, so that it needs neither script nor network."""
    coded = base64.b64encode(text(table).encode("utf-8-sig")).decode()  # with the mark that Excel tells UTF-8 by
    address = f"data:text/csv;charset=utf-8;base64,{coded}"
    return Markup('<a class="csv" download="{}.csv" href="{}">CSV</a>').format(name, address)


def figures(metrics: Iterable[Metric]) -> Table:
    rows = [
        [metric.name, metric.unit, metric.lower_is_better, stage, value.value, value.stderr, value.n]
        for metric in metrics
        for stage, value in metric.stages.items()
    ]
    return [["figure", "unit", "lower_is_better", "stage", "value", "stderr", "n"], *rows]


def changes(metrics: Iterable[Metric]) -> Table:
    fields = ("first", "second", "before", "after", "delta", "low", "high", "n")
    ends = ("p_value", "p_bootstrap", "p_holm", "verdict")
    rows = [
        [metric.name, *(getattr(comparison, field) for field in (*fields, *ends))]
        for metric in metrics
        for comparison in metric.comparisons
    ]
    return [["figure", "from", "to", *fields[2:], *ends], *rows]


def _gates(report: Report) -> Table:
    rows = [[gate.metric, gate.rule, gate.tolerance, gate.status] for gate in report.gates]
    return [["figure", "rule", "tolerance", "status"], *rows]


def _training(training: Training) -> Table:
    logged = [("training", entry) for entry in training.loss] + [("validation", entry) for entry in training.validation]
    names = list(dict.fromkeys(name for _, entry in logged for name in entry if name != "step"))
    rows = [[kind, int(entry["step"]), *(entry.get(name) for name in names)] for kind, entry in logged]
    return [["kind", "step", *names], *rows]


def _funnel(report: Report) -> Table:
    rows = []
    for source, steps in report.data.funnel.items():
        for step in steps:
            rows.append([source, step["step"], "in", step["in"]])
            rows += [[source, step["step"], reason, count] for reason, count in step["dropped"].items()]
            rows += [[source, step["step"], reason, count] for reason, count in step.get("not_taken", {}).items()]
            rows += [[source, step["step"], name, step[name]] for name in ("joined", "further") if step.get(name)]
            rows.append([source, step["step"], "out", step["out"]])
    return [["source", "step", "reason", "rows"], *rows]


def _uses(report: Report) -> Table:
    rows = []
    for use, sums in report.data.uses.items():
        rows += [[use, "split", name, count] for name, count in sums["splits"].items()]
        rows += [[use, "language", name, count] for name, count in sums["languages"].items()]
    return [["use", "kind", "name", "rows"], *rows]


def _lengths(report: Report) -> Table:
    rows = [
        [source, found["measure"], low, high, count]
        for source, found in report.data.histograms.items()
        for low, high, count in zip(found["edges"], found["edges"][1:], found["counts"], strict=False)
    ]
    return [["source", "measure", "from", "below", "rows"], *rows]


def _judgement(judgement: Judgement) -> Table:
    rows = [
        (name, folder.label, law, stages)
        for name, folder in judgement.folders.items()
        for law, stages in (("original", folder.original), ("changed", folder.changed))
        if stages
    ]
    return _groups(("change", "label", "law"), rows) if rows else []


def _groups(names: tuple[str, ...], rows: list[tuple], of: str = "stage") -> Table:
    """Return a line for each group and stage, with the figures that any stage's part has as numbers."""
    parts = [(labels, stage, part) for *labels, stages in rows for stage, part in stages.items()]
    fields = [
        field
        for field in type(parts[0][2]).model_fields
        if any(isinstance(getattr(part, field), int | float) for *_, part in parts)
    ]
    found = [[*labels, stage, *(getattr(part, field) for field in fields)] for labels, stage, part in parts]
    return [[*names, of, *fields], *found]


def _counts(stages: dict[str, dict[str, int | float]], of: str = "stage") -> Table:
    rows = [[stage, name, value] for stage, found in stages.items() for name, value in found.items()]
    return [[of, "name", "value"], *rows]


def _cell(value: Any) -> Any:
    return f"'{value}" if isinstance(value, str) and value.startswith(FORMULA) else value
