"""What the person at the terminal reads first and last."""

import fcntl
import re
from pathlib import Path
from typing import TextIO

from workflow_scripts.lib import jsonl
from workflow_scripts.lib.errors import UserError

TAIL_LINES = 15
_LOGS = re.compile(r"^    log: (.+) \(check log file", re.MULTILINE)
_OF_SLURM = ("slurmstepd: error: ", "srun: error: ", "srun: fatal: ")


def hold(folder: Path) -> TextIO:
    """Lock a folder against a second run, for as long as the returned file stays open.

    Raises:
        UserError: If another run is at work there.
    """
    folder.mkdir(parents=True, exist_ok=True)
    lock = (folder / ".lock").open("w")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        lock.close()
        raise UserError(
            "another run is at work in this folder", str(folder), "wait for it, or work in another --directory"
        ) from None
    return lock


def result(report: Path) -> str:
    """Return one line naming the report, the three figures that matter and the gates; nothing without a report."""
    if not report.exists():
        return ""
    written = jsonl.read_json(report)
    figures = [figure["text"]["en"] for figure in written["headline"]]
    return f"\n{report.with_suffix('.html')}: {' | '.join([*figures, *_gates(written.get('gates', []))])}\n"


def _gates(judged: list[dict]) -> list[str]:
    """Return one part of that line: how many gates were passed, and which were not."""
    failed = [gate["metric"] for gate in judged if gate["status"] == "failed"]
    measured = sum(gate["status"] != "not measured" for gate in judged)
    if not measured:
        return []
    words = f"Gates: {measured - len(failed)} of {measured} passed"
    return [f"{words}, FAILED: {', '.join(failed)}" if failed else words]


def doubts(found: list[str]) -> str:
    """Return what cannot be vouched for, and what to do; nothing if there is nothing."""
    if not found:
        return ""
    lines = "\n".join(f"  {line}" for line in found)
    return (
        f"\nNothing tells the engine to make these again, yet nobody can vouch for them:\n{lines}\n"
        "With --forceall, what the store still holds is put back and the rest is made again.\n\n"
    )


def failure(engine_logs: list[Path], logs: Path) -> str:
    """Return the last lines of the failed steps' logs, what a cluster said of their jobs, and what to do.

    Args:
        engine_logs: The engine's own logs of this run, which name the logs of steps that failed.
        logs: Folder of all steps' logs.
    """
    named = _logs_named_in(engine_logs)
    named += _logs_named_in([path for path in named if not path.is_relative_to(logs)])  # of a group's jobs that failed
    tails = [_tail(path) if path.is_relative_to(logs) else _said_by_slurm(path) for path in dict.fromkeys(named)]
    if not any(tails):
        return ""
    return "".join(tails) + (
        "Mend what it says and give the same command again: finished steps stay, training goes on from its last "
        "checkpoint.\n"
    )


def _logs_named_in(logs: list[Path]) -> list[Path]:
    told = [path.read_text(encoding="utf-8", errors="replace") for path in logs if path.is_file()]
    named = [Path(name) for text in told for names in _LOGS.findall(text) for name in names.split(", ")]
    return [path for path in named if path.is_file()]


def _tail(path: Path) -> str:
    lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
    if lines and lines[-1].startswith("subprocess.CalledProcessError"):  # accelerate's own, which only says: it failed
        starts = [index for index, line in enumerate(lines) if line.startswith("Traceback ")]
        lines = lines[: starts[-1]] if starts else lines
    return _shown(f"The last lines of {path}", lines)


def _said_by_slurm(path: Path) -> str:
    """Return what a job's own log has that its step's log cannot have: why Slurm ended it."""
    lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
    said = [line for line in lines if line.startswith(_OF_SLURM)]
    return _shown(f"Slurm, in {path}", said) if said else ""


def _shown(title: str, lines: list[str]) -> str:
    body = "\n".join(f"  | {line}" for line in lines[-TAIL_LINES:])
    return f"\n{title}:\n{body}\n\n"
