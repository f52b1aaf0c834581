"""Several commands at work at a time, each with a log of its own; one that fails does not stop the others."""

import os
import re
import signal
import subprocess
import threading
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

# What steps say of themselves; all else is the engine's, and stands in the log.
_TOLD = re.compile(r"\d\d:\d\d:\d\d |error: |  where:  |  change: ")


@dataclass(frozen=True)
class Command:
    """A command, the folder it works in, the file that takes all it says, and the variables it finds."""

    words: list[str]
    folder: Path
    log: Path
    variables: dict[str, str]


def run(commands: Mapping[str, Command], jobs: int, tell: Callable[[str, str], None]) -> dict[str, int]:
    """Run commands, so many at a time, in their order, and return the status of each.

    Where this process is interrupted, those at work are told to end, and their end is waited for.

    Args:
        commands: By name.
        jobs: How many at a time.
        tell: Is given name and line of what steps say, and that a command begins or ends.
    """
    at_work: dict[str, subprocess.Popen] = {}
    is_over = threading.Event()

    def work(name: str) -> int:
        command = commands[name]
        if is_over.is_set():
            return 1
        command.log.parent.mkdir(parents=True, exist_ok=True)
        with (
            command.log.open("w", encoding="utf-8") as log,
            subprocess.Popen(
                command.words,
                cwd=command.folder,
                env=command.variables,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                encoding="utf-8",
                errors="replace",
                process_group=0,
            ) as process,
        ):
            at_work[name] = process
            if is_over.is_set():
                _end(process)
            for line in process.stdout:
                log.write(line)
                log.flush()
                if _TOLD.match(line):
                    tell(name, line.rstrip("\n"))
            return process.wait()

    with ThreadPoolExecutor(jobs) as pool:
        futures = {name: pool.submit(work, name) for name in commands}
        try:
            return {name: future.result() for name, future in futures.items()}
        except BaseException:
            is_over.set()
            for process in list(at_work.values()):
                _end(process)
            raise


def _end(process: subprocess.Popen) -> None:
    """Tell a command and what it has started to end, as Ctrl-C in a terminal would."""
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGTERM)
