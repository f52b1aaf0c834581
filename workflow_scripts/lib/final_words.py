"""What the person at the terminal reads first and last."""

import fcntl
import re
from pathlib import Path
from typing import TextIO

from workflow_scripts.lib import jsonl
from workflow_scripts.lib.errors import UserError

TAIL_LINES = 15
_LOG = re.compile(r"^    log: (\S+) \(check log file", re.MULTILINE)


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
    """Return the last lines of the failed steps' logs, and what to do.

    Args:
        engine_logs: The engine's own logs of this run, which name the logs of steps that failed.
        logs: Folder of all steps' logs.
    """
    told = [path.read_text(encoding="utf-8", errors="replace") for path in engine_logs if path.is_file()]
    named = [name for text in told for name in _LOG.findall(text)]
    written = [Path(name) for name in dict.fromkeys(named) if Path(name).is_file() and Path(name).is_relative_to(logs)]
    if not written:
        return ""
    return "".join(_tail(path) for path in written) + (
        "Mend what it says and give the same command again: finished steps stay, training goes on from its last "
        "checkpoint.\n"
    )


def _tail(path: Path) -> str:
    lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
    if lines and lines[-1].startswith("subprocess.CalledProcessError"):  # accelerate's own, which only says: it failed
        starts = [index for index, line in enumerate(lines) if line.startswith("Traceback ")]
        lines = lines[: starts[-1]] if starts else lines
    body = "\n".join(f"  | {line}" for line in lines[-TAIL_LINES:])
    return f"\nThe last lines of {path}:\n{body}\n\n"
