"""Judge the gates of the config: the first stage against the last one, beyond noise."""

from collections.abc import Iterator

from workflow_scripts.lib.config.gates import Gate
from workflow_scripts.lib.reporting import report_words
from workflow_scripts.lib.reporting.report_schema import Comparison, GateResult, Metric


def judge(gates: list[Gate], metrics: list[Metric]) -> list[GateResult]:
    """Return what became of each gate, a line for each figure that it is about."""
    return [result for gate in gates for result in _results(gate, metrics)]


def _results(gate: Gate, metrics: list[Metric]) -> Iterator[GateResult]:
    named = [metric for metric in metrics if metric.name == gate.metric]
    concerned = named or [metric for metric in metrics if metric.kind == gate.metric]
    compared = [(metric, whole) for metric in concerned if (whole := whole_way(metric))]
    for metric, comparison in compared:
        passed = _passes(gate, comparison, lower_is_better=metric.lower_is_better)
        yield GateResult(
            metric=metric.name,
            rule=gate.rule,
            tolerance=gate.tolerance,
            status="passed" if passed else "failed",
            comparison=comparison,
            text=report_words.gate(gate, metric.name, comparison),
        )
    if not compared:
        yield GateResult(
            metric=gate.metric,
            rule=gate.rule,
            tolerance=gate.tolerance,
            status="not measured",
            text=report_words.gate(gate, gate.metric, None),
        )


def whole_way(metric: Metric) -> Comparison | None:
    """Return the comparison of the first stage that was measured with the last one."""
    stages = list(metric.stages)
    ends = (stages[0], stages[-1])
    return next((found for found in metric.comparisons if (found.first, found.second) == ends), None)


def _passes(gate: Gate, found: Comparison, *, lower_is_better: bool) -> bool:
    """Tell whether a gate is passed: what noise may have done does not count as a loss, nor as a gain."""
    sure_gain, sure_loss = (-found.high, found.low) if lower_is_better else (found.low, -found.high)
    if gate.rule == "better":
        return found.verdict == "better" and sure_gain > gate.tolerance
    return found.verdict != "worse" or sure_loss <= gate.tolerance
