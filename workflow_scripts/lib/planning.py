"""Which steps would run, why, and for how long: the engine decides, the records of the results say why."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from workflow_scripts.lib.provenance import changes, records
from workflow_scripts.lib.provenance.records import Record
from workflow_scripts.lib.provenance.seen import SeenFiles
from workflow_scripts.lib.staleness import Code
from workflow_scripts.lib.workflow import SHARDS

_WIDTH = 96  # characters of a reason


def step_name(rule: str, wildcards: Mapping[str, str]) -> str:
    return " ".join([rule, *wildcards.values()])


@dataclass(frozen=True)
class Step:
    """A job of the engine, as far as planning cares.

    Attributes:
        rule: Name of its rule.
        wildcards: Their values.
        config: What it sees of the config.
        code: The code it runs.
        inputs: Its files.
        outputs: Its files.
        needed: Whether the engine would run it.
        above: Names of the steps right above it that would run too.
        told: The engine's own reason.
    """

    rule: str
    wildcards: dict[str, str]
    config: dict[str, Any]
    code: Code
    inputs: list[str]
    outputs: list[str]
    needed: bool
    above: list[str] = field(default_factory=list)
    told: str = ""

    @property
    def name(self) -> str:
        return step_name(self.rule, self.wildcards)

    @property
    def recorded(self) -> str:
        """What its records call it, as the engine writes wildcards."""
        return " ".join([self.rule, *(f"{key}={value}" for key, value in self.wildcards.items())])

    @property
    def record(self) -> Record | None:
        return records.read(records.record_path(self.outputs))


@dataclass(frozen=True)
class Line:
    """One line of the plan: a step, its own reasons (none if only bytes above it may change), and its time."""

    step: Step
    reasons: list[str]
    restorable: bool
    seconds: float | None

    @property
    def because(self) -> str:
        if self.reasons:
            return "; ".join(self.reasons)
        if self.step.above:
            return f"only if {', '.join(self.step.above)} {'give' if len(self.step.above) > 1 else 'gives'} other bytes"
        return self.step.told or "asked for"


def plan(steps: Iterable[Step], kept: list[Record]) -> list[Line]:
    """Return a line for each step that would run.

    Args:
        steps: All steps, those above others first.
        kept: Records of what the store holds.
    """
    lines = []
    for step in steps:
        if step.needed:
            record = step.record
            reasons = _reasons(step, record)
            restorable = not step.above and any(_same(step, other) for other in kept)
            past = [other.seconds for other in ([record] if record else []) + kept if other.step == step.recorded]
            lines.append(Line(step, reasons, restorable, 0.0 if restorable else next(iter(past), None)))
    return lines


def table(lines: list[Line]) -> str:
    """Return the plan as text; empty if nothing would run."""
    if not lines:
        return ""
    rows = [(name, _cut(line.because), _time(line)) for name, line in _folded(lines)]
    widths = [max(len(row[column]) for row in [*rows, ("step", "because", "")]) for column in (0, 1)]
    text = [f"{'step':{widths[0]}}  {'because':{widths[1]}}  time"]
    text += [f"{name:{widths[0]}}  {because:{widths[1]}}  {time}" for name, because, time in rows]
    return "\n".join([*text, _total(lines)])


def _folded(lines: list[Line]) -> Iterator[tuple[str, Line]]:
    """Yield name and line of each step, of a source's shards one for all of them."""
    alike: dict[str, list[Line]] = {}
    for line in lines:
        shared = {key: value for key, value in line.step.wildcards.items() if key != "shard"}
        alike.setdefault(step_name(line.step.rule, shared), []).append(line)
    for name, found in alike.items():
        seconds = [line.seconds for line in found]
        total = None if None in seconds else sum(seconds)
        restorable = all(line.restorable for line in found)
        yield name, replace(found[0], seconds=total, restorable=restorable)


def doubts(steps: Iterable[Step], seen: SeenFiles) -> list[str]:
    """Return what cannot be vouched for among the results that the engine would leave as they are.

    Args:
        steps: All steps.
        seen: Digests of files; one edited by hand is not what was made.
    """
    found = []
    for step in steps:
        if step.needed or not step.outputs[0].startswith("results/"):  # a receipt in the shared cache holds its hashes
            continue
        if step.outputs[0].startswith(f"{SHARDS}/"):  # the files made of them are vouched for, or made without them
            continue
        record = step.record
        if record is None:
            found.append(f"{step.name}: no record of what {step.outputs[0]} was made from")
            continue
        why = [*changes.changed_settings(step.rule, step.wildcards, record.config, step.config)]
        why += changes.changed_code(record, step.code)
        made = record.outputs.items()
        why += [f"{path} is not what was made" for path, digest in made if not seen.is_same(path, digest)]
        if why:
            found.append(f"{step.name}: {'; '.join(why)}")
    return found


def _reasons(step: Step, record: Record | None) -> list[str]:
    missing = [path for path in step.outputs if not Path(path).exists()]
    if record is None:
        if records.was_cut_off(step.outputs):
            return ["was begun and not finished"]
        return ["not made yet"] if missing else ["no record of what it was made from"]
    found = list(changes.changed_settings(step.rule, step.wildcards, record.config, step.config))
    found += changes.changed_code(record, step.code)
    if not step.above:
        found += changes.changed_files(record, _read_by(step, record))
    return found or [f"{path} is missing" for path in missing]


def _read_by(step: Step, record: Record) -> list[str]:
    named = records.named_inputs(record.command, step.inputs)
    raw = [path for path in step.inputs if not path.startswith("results/")]
    stored = [path for path in step.inputs if path.startswith("results/store/")]
    return [path for path in dict.fromkeys(named + raw + stored) if Path(path).is_file()]


def _same(step: Step, other: Record) -> bool:
    """Return whether the store's outputs were made from what the step has now."""
    if (other.step, other.code) != (step.recorded, step.code.digest) or other.config != step.config:
        return False
    return all(_is(path, digest) for path, digest in other.inputs.items())


def _is(path: str, digest: str) -> bool:
    return Path(path).is_file() and records.file_digest(Path(path)) == digest


def _cut(text: str) -> str:
    return text if len(text) <= _WIDTH else f"{text[: _WIDTH - 1]}…"


def _time(line: Line) -> str:
    if line.restorable:
        return "restored"
    return "?" if line.seconds is None else duration(line.seconds)


def _total(lines: list[Line]) -> str:
    sure = [line for line in lines if line.reasons]
    unknown = sum(line.seconds is None for line in lines)
    text = f"{len(sure)} of {len(lines)} steps for sure, about {duration(sum(line.seconds or 0 for line in sure))}"
    if len(sure) < len(lines):
        text += f"; all of them about {duration(sum(line.seconds or 0 for line in lines))}, if all bytes change"
    return text + (f" ({unknown} not timed yet)" if unknown else "")


def duration(seconds: float) -> str:
    """Return a time as people say it."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    minutes = seconds / 60
    return f"{minutes:.0f} min" if minutes < 90 else f"{minutes / 60:.1f} h"
