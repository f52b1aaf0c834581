"""What the person at the terminal reads first and last."""

import fcntl
from pathlib import Path
from typing import TextIO

from workflow_scripts.lib import jsonl
from workflow_scripts.lib.errors import UserError

TAIL_LINES = 15


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
    """Return one line naming the report and the three figures that matter; nothing before there is a report."""
    if not report.exists():
        return ""
    headline = jsonl.read_json(report)["headline"]
    figures = " | ".join(figure["text"]["en"] for figure in headline)
    return f"\n{report.with_suffix('.html')}: {figures}\n"


def doubts(found: list[str]) -> str:
    """Return what cannot be vouched for, and what to do; nothing if there is nothing."""
    if not found:
        return ""
    lines = "\n".join(f"  {line}" for line in found)
    return (
        f"\nNothing tells the engine to make these again, yet nobody can vouch for them:\n{lines}\n"
        "With --forceall, what the store still holds is put back and the rest is made again.\n\n"
    )


def failure(logs: Path) -> str:
    """Return the last lines of the log written last, and what to do."""
    files = [path for path in logs.rglob("*.log") if path.stat().st_size]
    if not files:
        return ""
    newest = max(files, key=lambda path: path.stat().st_mtime)
    tail = newest.read_text(encoding="utf-8", errors="replace").splitlines()[-TAIL_LINES:]
    body = "\n".join(f"  | {line}" for line in tail)
    return (
        f"\nThe last lines of {newest}:\n{body}\n\n"
        "Mend what it says and give the same command again: finished steps stay, training goes on from its last "
        "checkpoint.\n"
    )
