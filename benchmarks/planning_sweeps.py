"""Time the plan of a sweep, and how it grows with the number of variants.

    python -m benchmarks.planning_sweeps

Variants of the default recipe: learning rates and betas of alignment by ORPO and by DPO, five seeds each. Nothing is
made; in a copy of the repository `make sweep … PLAN=yes` is timed as a whole, the start of Python included. The least
of each counts; on a machine that does other work too, the time of a processor says more.
"""

import argparse
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import yaml

REPOSITORY = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(REPOSITORY / "tests" / "workflow"))

import running  # noqa: E402

SEEDS = 5
METHODS = ["orpo", "dpo"]


def sweep(variants: int) -> dict:
    """Return a sweep of this many variants."""
    rates = [round(1e-5 * (number + 1), 6) for number in range(variants // (SEEDS * len(METHODS)))]
    return {
        "values": {"align.method": METHODS, "align.learning_rate": rates},
        "seeds": {"keys": ["align.seed"], "values": list(range(SEEDS))},
    }


def processor_seconds() -> float:
    """Return what commands that have ended took of a processor, theirs too that they started."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--variants", type=int, nargs="+", default=[10, 50, 200])
    parser.add_argument("--rounds", type=int, default=3)
    args = parser.parse_args()
    print("| variants | steps in all of them | steps to run | seconds | of a processor |")
    print("| ---: | ---: | ---: | ---: | ---: |")
    for variants in args.variants:
        with tempfile.TemporaryDirectory() as folder:
            place = running.build(Path(folder) / "place", "", num_poems=1)
            file = place.repository / "config/sweeps/grown.yaml"
            file.write_text(yaml.safe_dump(sweep(variants)), encoding="utf-8")
            command = [sys.executable, "-m", "workflow_scripts.sweep", "--sweep", "grown", "--cores", "1"]
            command += ["--jobs", "1", "--cards", "--plan-only"]
            times = []
            for _ in range(args.rounds):
                started, processor = time.perf_counter(), processor_seconds()
                done = subprocess.run(command, cwd=place.repository, check=True, capture_output=True, text=True)
                times.append((time.perf_counter() - started, processor_seconds() - processor))
            total = next(line for line in done.stdout.splitlines() if line.startswith("all "))
            _, wanted, shared, _ = total.split()
            least = " | ".join(f"{min(column):.1f}" for column in zip(*times, strict=True))
            print(f"| {variants} | {wanted} | {shared} | {least} |", flush=True)


if __name__ == "__main__":
    main()
