"""Compare the harness jobs of a finished run with the stock `lm-eval` commands that stand in their results.

    python -m benchmarks.harness_speed            # in the folder that holds results/

Each job runs again as it ran, with an empty store; each of its stock commands runs as printed. Processor time of all
threads is what counts: it is hardly touched by what else the machine does. The clock stands beside it.
"""

import json
import os
import resource
import shlex
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from workflow_scripts.lib.provenance import records

REPOSITORY = Path(__file__).resolve().parents[1]
STEP = "evaluate_harness "
LIMIT = 1.1  # of the stock commands' time, that ours may take


def main() -> None:
    jobs = {record.step.removeprefix(STEP): record for record in records.read_all() if record.step.startswith(STEP)}
    if not jobs:
        sys.exit("no harness job in results/provenance: make a report with eval.tasks first")
    ours = theirs = (0.0, 0.0)
    print(f"{'stage':8}{'ours, CPU s':>14}{'clock':>8}{'stock, CPU s':>14}{'clock':>8}{'ratio':>8}")
    for stage, record in jobs.items():
        results = [json.loads(Path(path).read_text(encoding="utf-8")) for path in record.outputs]
        one, other = _again(record.command), (0.0, 0.0)
        for result in results:
            other = _sum(other, _stock(result["command"]))
        ours, theirs = _sum(ours, one), _sum(theirs, other)
        print(_line(stage, one, other), flush=True)
    print(_line("all", ours, theirs))
    print(
        f"ours may take {LIMIT} of the stock commands' time: {'kept' if ours[0] <= LIMIT * theirs[0] else 'NOT KEPT'}"
    )


def _again(command: list[str]) -> tuple[float, float]:
    """Run a job with a store and a folder of results of its own."""
    words = list(command)
    with tempfile.TemporaryDirectory() as folder:
        for flag in ("--store", "--result-folder"):
            words[words.index(flag) + 1] = f"{folder}/{flag.strip('-')}"
        return _timed([sys.executable, *words[1:]])


def _stock(command: str) -> tuple[float, float]:
    words, _, _ = command.partition("  # ")
    return _timed(["bash", "-c", words.replace("lm-eval ", f"{shlex.quote(sys.executable)} -m lm_eval ", 1)])


def _timed(command: list[str]) -> tuple[float, float]:
    """Return seconds of processor time of a command's processes, and by the clock."""
    before, started = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    environment = os.environ | {"PYTHONPATH": str(REPOSITORY)}
    done = subprocess.run(command, env=environment, capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"{shlex.join(command)}\n{done.stderr[-2000:]}")
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    used = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return used, time.perf_counter() - started


def _sum(one: tuple[float, float], other: tuple[float, float]) -> tuple[float, float]:
    return one[0] + other[0], one[1] + other[1]


def _line(name: str, ours: tuple[float, float], stock: tuple[float, float]) -> str:
    return f"{name:8}{ours[0]:14.1f}{ours[1]:8.1f}{stock[0]:14.1f}{stock[1]:8.1f}{ours[0] / stock[0]:8.2f}"


if __name__ == "__main__":
    main()
