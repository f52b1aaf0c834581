"""Run the workflow in a folder of its own and watch what each of its steps takes. Linux only: reads /proc."""

import itertools
import os
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

REPOSITORY = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(REPOSITORY / "tests" / "workflow"))

import running  # noqa: E402

_INTERVAL = 0.05  # seconds


@dataclass
class Job:
    """What one process of a step took.

    Attributes:
        seconds: By the clock.
        processor: Seconds of processor time, of all threads: says more where other work runs beside.
        peak_mib: Its resident set at its largest, mapped files included.
    """

    step: str
    started: float
    seconds: float = 0.0
    processor: float = 0.0
    peak_mib: float = 0.0


def build(folder: Path, config: str) -> running.Place:
    """Copy the repository; nothing is trained, so a stand-in makes the base model, which is a tokenizer only."""
    place = running.build(folder, config, num_poems=1)
    running.tokenizer_of_characters(folder / "base")
    return place


def watch(place: running.Place, *targets: str, cores: int = 1, **config: Any) -> tuple[float, list[Job]]:
    """Make the targets and return the seconds it took, start of Snakemake included, and the jobs in order."""
    command, environment = place.command(*targets, cores=cores, stubs=True, **config)
    jobs: dict[str, Job] = {}
    started = time.monotonic()
    with (
        (place.folder / "run.log").open("w", encoding="utf-8") as log,
        subprocess.Popen(command, cwd=place.repository, env=environment, stdout=log, stderr=log) as run,
    ):
        while run.poll() is None:
            _look(place.work.resolve(), jobs)
            time.sleep(_INTERVAL)
    seconds = time.monotonic() - started
    if run.returncode:
        raise RuntimeError((place.folder / "run.log").read_text(encoding="utf-8")[-3000:])
    return seconds, list(jobs.values())


def run(command: list[str | Path], folder: Path) -> tuple[float, float]:
    """Run a command and return its seconds by the clock, and of processor time of all processes it starts.

    They are followed by their session: what a fork server starts is waited for by that server, and no account of
    children has it.
    """
    ticks: dict[str, int] = {}
    started = time.monotonic()
    with (
        (folder / "run.log").open("w", encoding="utf-8") as log,
        subprocess.Popen(command, cwd=folder, stdout=log, stderr=log, start_new_session=True) as process,
    ):
        while process.poll() is None:
            for path in Path("/proc").glob("[0-9]*/stat"):
                try:
                    values = path.read_text(encoding="utf-8").rpartition(")")[2].split()
                except (FileNotFoundError, ProcessLookupError):
                    continue
                if int(values[3]) == process.pid:
                    ticks[path.parent.name] = int(values[11]) + int(values[12])
            time.sleep(_INTERVAL)
    seconds = time.monotonic() - started
    if process.returncode:
        raise RuntimeError((folder / "run.log").read_text(encoding="utf-8")[-3000:])
    return seconds, sum(ticks.values()) / os.sysconf("SC_CLK_TCK")


def _look(folder: Path, jobs: dict[str, Job]) -> None:
    for process in Path("/proc").glob("[0-9]*"):
        try:
            words = (process / "cmdline").read_bytes().decode().split("\0")
            is_step = words[1:2] == ["-m"] and words[2].startswith("workflow_scripts.")
            if not is_step or words[2].endswith(".run_step") or (process / "cwd").readlink() != folder:
                continue
            status = (process / "status").read_text(encoding="utf-8")
            ticks = (process / "stat").read_text(encoding="utf-8").rpartition(")")[2].split()[11:13]
        except (FileNotFoundError, ProcessLookupError):
            continue  # it has ended
        now = time.monotonic()
        job = jobs.setdefault(process.name, Job(_step(words), now))
        job.seconds = now - job.started
        job.processor = sum(map(int, ticks)) / os.sysconf("SC_CLK_TCK")
        for line in status.splitlines():
            if line.startswith("VmHWM:"):
                job.peak_mib = int(line.split()[1]) / 1024


def _step(words: list[str]) -> str:
    """Return the name of a process's step, and whether it puts together what the jobs of shards made."""
    pairs = itertools.pairwise(words)
    gathers = any(flag.startswith("--part") and not value.startswith("--") for flag, value in pairs)
    return words[2].removeprefix("workflow_scripts.") + ", together" * gathers
