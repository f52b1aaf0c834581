"""The report as one page to read: no network, one script of its own, nothing a model wrote taken for markup."""

import base64
import hashlib
from pathlib import Path
from typing import Any

from jinja2 import Environment, StrictUndefined
from markupsafe import Markup, escape

from workflow_scripts.lib.reporting import csv_tables, html_charts, licences, panel_words, report_words, words
from workflow_scripts.lib.reporting.html_charts import Series
from workflow_scripts.lib.reporting.report_schema import Report, Training

HERE = Path(__file__)
FAILURE = {"en": "Failure", "zh": "毛病"}
LONGEST = 4000  # characters of one text on the page
LENGTH_UNITS = {"tokens": {"zh": "词元", "en": "tokens"}, "chars": {"zh": "字", "en": "characters"}}
CURVES = {  # figure of a training log -> label; those that a log lacks are not drawn
    "loss": ("损失", "Loss", {"zh": "奈特/词元", "en": "nats/token"}),
    "reward_accuracy": ("偏好判对率", "Preference judged right", {"zh": "比例", "en": "share"}),
    "margin": ("偏好差值", "Preference margin", {"zh": "奈特", "en": "nats"}),
}


def page(report: Report) -> str:
    """Return the HTML of a report."""
    return render(
        HERE.with_suffix(".jinja"),
        csv_tables.tables(report),
        report=report,
        lengths={name: lengths(report.data.histograms.get(name)) for name in report.data.languages},
        curves={stage: curves(training) for stage, training in report.training.items()},
    )


def render(template: Path, tables: dict[str, csv_tables.Table], **values: Any) -> str:
    """Return a page of the report's style; ``tables`` are those that it offers as CSV."""
    environment = Environment(
        autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True, keep_trailing_newline=True
    )
    environment.filters |= {
        "number": report_words.number,
        "signed": lambda value: report_words.number(value, sign=True),
        "count": lambda value: f"{value:,}",
        "percent": lambda value: f"{value:.0%}",
        "p_value": lambda value: "< 0.001" if value < 0.001 else f"= {report_words.number(value)}",
        "bytes": lambda value: f"{value / 2**30:.2f} GiB",
        "duration": duration,
    }
    environment.globals |= {
        "t": both,
        "unit_name": lambda name: named(report_words.UNITS, name),
        "step_name": lambda name: named(words.STEPS, name),
        "reason": lambda name: named(words.REASONS, name),
        "stage_name": lambda stage: both(report_words.STAGES[stage]["zh"], report_words.STAGES[stage]["en"]),
        "publishable": lambda name: named(licences.VERDICTS, name),
        "parity_name": lambda name: named(report_words.PARITY, name),
        "metric_name": lambda name: both(report_words.name_of(name)["zh"], report_words.name_of(name)["en"]),
        "pairs_name": lambda name: named(report_words.PAIRS, name),
        "verdict_name": lambda name: both(report_words.VERDICTS[name]["zh"], report_words.VERDICTS[name]["en"]),
        "failure_name": lambda name: named(panel_words.FAILURES, name),
        "criterion_name": lambda name: named(panel_words.CRITERIA | {"failure": FAILURE}, name),
        "language_name": lambda name: named(words.LANGUAGES, name),
        "safety_verdict": lambda name: named(report_words.SAFETY, name),
        "download": lambda name: csv_tables.link(name, tables[name]) if name in tables else "",
        "cut": cut,
        "gate_status": lambda name: named(report_words.STATUS, name),
        "interval": html_charts.interval,
        "bar": html_charts.bar,
    }
    style, script = (HERE.with_suffix(end).read_text(encoding="utf-8") for end in (".css", ".js"))
    own = {"style": Markup(style), "style_digest": _digest(style)}
    own |= {"script": Markup(script), "script_digest": _digest(script)}
    return environment.from_string(template.read_text(encoding="utf-8")).render(**own, **values)


def _digest(text: str) -> str:
    """Return the SHA-256 by which the page's policy knows a part of it."""
    return base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


def both(chinese: str, english: str) -> Markup:
    """Return a text in both languages; the style sheet shows the one that is chosen."""
    return Markup('<span lang="zh">{}</span><span lang="en">{}</span>').format(chinese, english)


def named(names: dict[str, words.Words], name: str) -> Markup:
    found = words.known(names, name)
    return both(found["zh"], found["en"])


def cut(text: str) -> Markup:
    """Return a text that a reader may want to read; of a very long one the beginning, and how much is left out."""
    if len(text) <= LONGEST:
        return escape(text)
    left = f"{len(text) - LONGEST:,}"
    return escape(text[:LONGEST]) + both(f"……（另有 {left} 字，见 report.json）", f"… ({left} more, see report.json)")


def lengths(histogram: dict[str, Any] | None) -> Markup:
    """Return a picture of a source's lengths; nothing where none were measured."""
    if histogram is None:
        return Markup()
    return html_charts.histogram(histogram["edges"], histogram["counts"], LENGTH_UNITS[histogram["measure"]])


def curves(training: Training) -> list[dict[str, Any]]:
    """Return the charts of one training run."""
    charts = []
    for field, (chinese, english, unit) in CURVES.items():
        series = [
            Series(_points(training.loss, field), "train"),
            Series(_points(training.validation, field), "validation", dots=True),
        ]
        if chart := html_charts.line_chart(series, {"zh": "步", "en": "step"}, unit):
            charts.append({"title": both(chinese, english), "chart": chart, "validated": bool(series[1].points)})
    return charts


def _points(logged: list[dict[str, float]], field: str) -> list[tuple[float, float]]:
    return [(entry["step"], entry[field]) for entry in logged if field in entry]


def duration(seconds: float) -> Markup:
    if seconds < 120:
        return escape(f"{seconds:.0f} s")
    return escape(f"{seconds / 60:.1f} min" if seconds < 7200 else f"{seconds / 3600:.1f} h")
