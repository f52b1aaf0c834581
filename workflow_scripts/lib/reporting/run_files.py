"""What a finished run left for its comparison with others."""

from pathlib import Path

from pydantic import ValidationError

from workflow_scripts.lib import jsonl
from workflow_scripts.lib.errors import UserError
from workflow_scripts.lib.evaluation.safety_rates import JUDGED_RATES
from workflow_scripts.lib.reporting.report_schema import Metric, Report
from workflow_scripts.lib.reporting.run_comparison import Run


def read(name: str, folder: Path) -> Run:
    """Read a run's report and what the evaluations of its last stage wrote.

    Raises:
        UserError: If there is no report, or one of another version of this program.
    """
    path = folder / "report.json"
    if not path.exists():
        raise UserError(f"no such file: {path}", "RUNS", "make that run's report first")
    try:
        report = Report.model_validate(jsonl.read_json(path))
    except ValidationError as error:
        raise UserError(
            f"not a report of this version ({error.error_count()} differences)", str(path), "make that report again"
        ) from None
    stage = folder / report.stages[-1]
    files = {file.relative_to(stage).with_suffix("").as_posix(): file for file in sorted(stage.rglob("*.json"))}
    # files of earlier settings may lie there as well
    told = [_file_of(metric) for metric in report.metrics]
    results = {kind: jsonl.read_json(files[kind]) for kind in dict.fromkeys(told) if kind in files}
    return Run(name=name, report=report, results=results)


def _file_of(metric: Metric) -> str:
    """Return the name of the file, below its stage, that a figure comes from."""
    if metric.kind == "harness":
        return f"harness/{metric.name}"
    return "safety_judged" if metric.name in JUDGED_RATES else metric.kind
