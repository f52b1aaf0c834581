"""Commands at work side by side: their words, their statuses, and their end when the whole is interrupted."""

import os
import signal
import sys
import threading
import time
from pathlib import Path

import pytest

from workflow_scripts.lib.sweeps import side_by_side
from workflow_scripts.lib.sweeps.side_by_side import Command


def command(folder: Path, name: str, script: str) -> Command:
    return Command(["sh", "-c", script], folder, folder / name / "all.log", dict(os.environ))


def test_one_that_fails_stops_no_other_and_only_steps_are_heard(tmp_path: Path) -> None:
    script = "echo 'Building DAG'; echo '12:00:01 step 1'; echo 'error: no row' >&2; exit 3"
    commands = {"bad": command(tmp_path, "bad", script), "good": command(tmp_path, "good", "pwd; echo 12:00:02 done")}
    told: list[tuple[str, str]] = []
    statuses = side_by_side.run(commands, 1, lambda name, line: told.append((name, line)))
    assert statuses == {"bad": 3, "good": 0}
    assert told == [("bad", "12:00:01 step 1"), ("bad", "error: no row"), ("good", "12:00:02 done")]
    assert (tmp_path / "bad/all.log").read_text() == "Building DAG\n12:00:01 step 1\nerror: no row\n"
    assert (tmp_path / "good/all.log").read_text() == f"{tmp_path}\n12:00:02 done\n"


def test_so_many_work_at_a_time(tmp_path: Path) -> None:
    waiting = {
        "a": command(tmp_path, "a", f"touch {tmp_path}/a1; while [ ! -e {tmp_path}/b1 ]; do sleep 0.02; done"),
        "b": command(tmp_path, "b", f"touch {tmp_path}/b1; while [ ! -e {tmp_path}/a1 ]; do sleep 0.02; done"),
    }
    assert side_by_side.run(waiting, 2, lambda *_: None) == {"a": 0, "b": 0}


def test_when_interrupted_those_at_work_end_and_no_other_begins(tmp_path: Path) -> None:
    commands = {name: command(tmp_path, name, "echo 12:00:00 begins; sleep 60 | cat") for name in ("first", "second")}
    before = signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(number))
    started = time.monotonic()
    try:
        with pytest.raises(SystemExit):
            side_by_side.run(
                commands, 1, lambda *_: threading.Timer(0.1, os.kill, (os.getpid(), signal.SIGTERM)).start()
            )
    finally:
        signal.signal(signal.SIGTERM, before)
    assert time.monotonic() - started < 30
    assert (tmp_path / "first/all.log").exists()
    assert not (tmp_path / "second/all.log").exists()
