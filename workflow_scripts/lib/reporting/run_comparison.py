"""Several runs side by side: the last stage of each, by the same statistics as the stages of one run."""

from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict

from workflow_scripts.lib.errors import UserError
from workflow_scripts.lib.reporting.report_metrics import Resampling, all_metrics, corrected, corrections
from workflow_scripts.lib.reporting.report_schema import Corrections, Metric, Report

RESAMPLES = 2000  # as config.yaml has for the report: runs may have different ones


class Run(BaseModel):
    """A run: its name on the page, its report, and what its last stage's evaluations wrote, by kind."""

    model_config = ConfigDict(frozen=True)

    name: str
    report: Report
    results: dict[str, dict[str, Any]]


class Comparison(BaseModel):
    """Figures of all runs and of each pair of them; ``settings`` are those in which an evaluation's runs differ."""

    model_config = ConfigDict(frozen=True)

    runs: list[Run]
    metrics: list[Metric]
    corrections: Corrections
    settings: dict[str, dict[str, list[Any]]]


def names_of(folders: list[Path]) -> list[str]:
    """Return names of the runs: the last part of each path, or as many as tell them apart."""
    for depth in range(1, max(len(folder.parts) for folder in folders) + 1):
        names = ["/".join(folder.parts[-depth:]) for folder in folders]
        if len(set(names)) == len(names):
            return names
    raise UserError("one run is named twice", "RUNS", "name different folders")


def compare(runs: list[Run]) -> Comparison:
    """Return what two or more runs have in common; items that only one of them judged are left out of the changes.

    Raises:
        UserError: If there is but one run, or no evaluation that two of them made.
    """
    if len(runs) < 2:
        raise UserError(f"{len(runs)} run to compare", "RUNS", 'name two or more, as RUNS="runs/a runs/b"')
    kinds = list(dict.fromkeys(kind for run in runs for kind in run.results))
    evaluations = {kind: {run.name: run.results[kind] for run in runs if kind in run.results} for kind in kinds}
    evaluations = {kind: results for kind, results in evaluations.items() if len(results) > 1}
    if not evaluations:
        raise UserError("these runs have no evaluation in common", "RUNS", "compare runs with the same `eval`")
    metrics = corrected(all_metrics(evaluations, Resampling(RESAMPLES, runs[0].report.seed)))
    settings = different_settings(evaluations, runs)
    return Comparison(runs=runs, metrics=metrics, corrections=corrections(metrics), settings=settings)


def different_settings(evaluations: dict[str, dict[str, dict]], runs: list[Run]) -> dict[str, dict[str, list[Any]]]:
    """Return for each evaluation the settings that are not the same everywhere, with the value of each run.

    Args:
        evaluations: Kind to name of a run to what it wrote.
        runs: The order of the values; None stands for a run that has none.
    """
    found = {kind: _different(results, runs) for kind, results in evaluations.items()}
    return {kind: different for kind, different in found.items() if different}


def _different(results: dict[str, dict], runs: list[Run]) -> dict[str, list[Any]]:
    told = {run.name: results.get(run.name, {}).get("settings", {}) for run in runs}
    names = dict.fromkeys(name for settings in told.values() for name in settings)
    values = {name: [told[run.name].get(name) for run in runs] for name in names}
    return {name: found for name, found in values.items() if any(value != found[0] for value in found)}
