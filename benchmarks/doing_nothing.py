"""Time a run that has nothing to do and a dry run, and how both grow with the number of sources.

    python -m benchmarks.doing_nothing

The steps are replaced by the tests' stand-ins, as only planning is timed: no model is trained. All is made once for
each number of sources, in a copy of the repository; then no-op run, dry run and `snakemake --version` (what starting
Python and Snakemake takes by itself) run in turn, and the least time of each counts.
"""

import argparse
import subprocess
import sys
import tempfile
import time
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(REPOSITORY / "tests" / "workflow"))

import running  # noqa: E402

CONFIG = """\
recipe: custom
model: {base: "file://../base"}
sources:
SOURCES
clean: {min_chars: 1, min_tokens: 1}
split: {train: 0.6, val: 0.2, test: 0.2}
eval: {tasks: [poem_continuation], form: {enabled: true}}
execution: {threads: 1}
"""
SOURCE = """\
  NAME:
    use: USE
    adapter: ADAPTER
    from: "file://../raw/poems.json"
    license: mit
    options: {forms: [quatrain5, quatrain7], share: [LOW, HIGH], instructions: ["续写：{couplet}"]OTHER}
"""


def config(sources: int) -> str:
    """Return a config with this many SFT sources, which share the poems, and one of preference pairs."""
    text = ""
    for number in range(sources):
        low, high = number / sources * 0.6, (number + 1) / sources * 0.6
        text += _source(f"poems{number}", "sft", "chinese_poetry", low, high, "")
    text += _source("pairs", "preference", "derived_pairs", 0.6, 1.0, ", other_form: 0.5")
    return CONFIG.replace("SOURCES\n", text)


def _source(name: str, use: str, adapter: str, low: float, high: float, other: str) -> str:
    values = {"NAME": name, "USE": use, "ADAPTER": adapter, "LOW": str(low), "HIGH": str(high), "OTHER": other}
    text = SOURCE
    for key, value in values.items():
        text = text.replace(key, value)
    return text


def seconds(command: list[str], place: running.Place, environment: dict[str, str]) -> float:
    started = time.perf_counter()
    subprocess.run(command, cwd=place.repository, env=environment, check=True, capture_output=True)
    return time.perf_counter() - started


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sources", type=int, nargs="+", default=[1, 10, 100], help="numbers of SFT sources")
    parser.add_argument("--rounds", type=int, default=3)
    args = parser.parse_args()
    print("| SFT sources | jobs | no-op s | dry run s | snakemake --version s |")
    print("| ---: | ---: | ---: | ---: | ---: |")
    for sources in args.sources:
        with tempfile.TemporaryDirectory() as folder:
            place = running.build(Path(folder) / "place", config(sources), num_poems=20 * sources + 200)
            running.tokenizer_of_characters(place.folder / "base")
            jobs = len(place.make(stubs=True, cores=2).rules)
            nothing, environment = place.command(stubs=True)
            commands = [nothing, [*nothing, "--dry-run", "--quiet", "all"], [*nothing[:3], "--version"]]
            times = [[seconds(command, place, environment) for command in commands] for _ in range(args.rounds)]
            best = [min(column) for column in zip(*times, strict=True)]
            print(f"| {sources} | {jobs} | {' | '.join(f'{value:.2f}' for value in best)} |", flush=True)


if __name__ == "__main__":
    main()
