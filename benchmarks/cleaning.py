"""Time the same cleaning rules here, in data-juicer and in datatrove, one after another, on 327,482 Chinese rows.

    python -m benchmarks.cleaning [--tarball chinese-poetry-2.0.1.tgz]

The rules: NFKC, white space, length, Han ratio, character 10-gram repetition, exact duplicates. Each contender is
the whole command from start to end, reading JSON Lines and writing the rows that stay (and the ledger, where it has
one). The others work in environments of their own below --folder, which are built the first time. Then, here only:
the same with bounds on tokens, against one tokenizer pass over the corpus, and near-duplicates.
"""

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
import venv
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tokenizers import Tokenizer

from benchmarks import corpus, jobs

# What the two import and do not declare (tried with these versions) stands behind them.
DATA_JUICER = ("py-data-juicer==1.6.1", "aiohttp", "regex")
DATATROVE = ("datatrove==0.10.1", "orjson", "regex")
PROCESSES = 2
RULES = {"min_chars": 20, "max_chars": 400, "min_han_ratio": 0.7, "max_repetition": 0.5, "ngram": 10}
TOKENS = {"min_tokens": 16, "max_tokens": 512}
CONFIG = """\
recipe: custom
model: {base: "file://../base"}
sources:
  corpus:
    use: sft
    adapter: prompt_completion
    from: "file://../raw/corpus.jsonl"
    license: mit
clean: CLEAN
align: {method: none}
execution: {threads: 1}
"""
DATA_JUICER_CONFIG = """\
project_name: benchmark
dataset_path: INPUT
export_path: OUTPUT
np: PROCESSES
open_tracer: false
use_cache: false
process:
  - fix_unicode_mapper: {normalization: NFKC}
  - whitespace_normalization_mapper: {}
  - text_length_filter: {min_len: MIN_CHARS, max_len: MAX_CHARS}
  - alphanumeric_filter: {tokenization: false, min_ratio: MIN_HAN_RATIO}
  - character_repetition_filter: {rep_len: NGRAM, min_ratio: 0.0, max_ratio: MAX_REPETITION}
  - document_deduplicator: {lowercase: false, ignore_non_character: false}
"""


def environment(folder: Path, name: str, packages: tuple[str, ...]) -> Path:
    """Return the bin folder of an environment with these packages, built if it is not there."""
    place = folder / name
    ready = place / ".ready"
    if not ready.exists():
        print(f"building {place} ...", flush=True)
        venv.create(place, with_pip=True, clear=True)
        subprocess.run([place / "bin" / "python", "-m", "pip", "install", "--quiet", *packages], check=True)
        ready.touch()
    return place / "bin"


@dataclass(frozen=True)
class Time:
    """Seconds by the clock, and of processor time, which says more where other work runs beside."""

    clock: float
    processor: float

    def cells(self, other: "Time") -> str:
        """Return both, and how often they hold those of another."""
        ratios = (self.clock / other.clock, self.processor / other.processor)
        return f"{self.clock:.1f} | {ratios[0]:.1f} | {self.processor:.1f} | {ratios[1]:.1f}"


def timed(work: Callable[[], Any]) -> tuple[Time, Any]:
    """Return the time that the processes took which a function starts and waits for, and its result."""
    before, started = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
    result = work()
    clock, after = time.monotonic() - started, resource.getrusage(resource.RUSAGE_CHILDREN)
    return Time(clock, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime), result


def count(paths: list[Path]) -> int:
    return sum(sum(1 for _ in path.open("rb")) for path in paths)


def time_data_juicer(bin_folder: Path, rows: Path, folder: Path) -> tuple[Time, int]:
    output = folder / "juicer" / "out.jsonl"
    output.parent.mkdir()
    text = DATA_JUICER_CONFIG.replace("INPUT", str(rows)).replace("OUTPUT", str(output))
    text = text.replace("PROCESSES", str(PROCESSES))
    for name, value in RULES.items():
        text = text.replace(f"{name.upper()}", str(value))
    config = output.with_name("config.yaml")
    config.write_text(text, encoding="utf-8")
    return Time(*jobs.run([bin_folder / "dj-process", "--config", config], output.parent)), count([output])


def time_datatrove(bin_folder: Path, rows: Path, folder: Path) -> tuple[Time, int]:
    shards = folder / "trove" / "in"
    shards.mkdir(parents=True)
    lines = rows.read_text(encoding="utf-8").splitlines(keepends=True)
    for number in range(PROCESSES):
        (shards / f"{number}.jsonl").write_text("".join(lines[number::PROCESSES]), encoding="utf-8")
    script = Path(__file__).with_name("cleaning_datatrove.py")
    flags = [part for name, value in RULES.items() for part in (f"--{name.replace('_', '-')}", str(value))]
    output = shards.with_name("out")
    command = [bin_folder / "python", script, "--input", shards, "--output", output, "--tasks", str(PROCESSES), *flags]
    return Time(*jobs.run(command, folder)), count(list((output / "kept").glob("*.jsonl")))


def time_ours(
    folder: Path, rows: Path, tokenizer: Path | None, *targets: str, parts: int = 1
) -> tuple[Time, int, list[jobs.Job]]:
    """Make the targets of a fresh folder, on a core for each part of the rows; a tokenizer bounds their tokens, too."""
    clean = {name: value for name, value in RULES.items() if name != "ngram"} | {"repetition_ngram": RULES["ngram"]}
    clean |= TOKENS if tokenizer else dict.fromkeys(TOKENS)
    place = jobs.build(folder, CONFIG.replace("CLEAN", json.dumps(clean)))
    if tokenizer:
        (folder / "base" / "tokenizer.json").write_bytes(tokenizer.read_bytes())
    (folder / "raw" / "poems.json").unlink()
    (folder / "raw" / "corpus.jsonl").hardlink_to(rows)
    jobs.watch(place, "results/models/base/tokenizer.json")
    how = {"shards": {"corpus": parts}} if parts > 1 else {}
    taken, (_, steps) = timed(lambda: jobs.watch(place, *targets, cores=parts, execution=how))
    kept = place.work / "results/data/clean/corpus.jsonl"
    return taken, count([kept]) if kept.exists() else 0, steps


def tokenizer_pass(rows: Path, tokenizer: Path) -> Time:
    made = Tokenizer.from_file(str(tokenizer))
    texts = [f"{row['prompt']}\n{row['completion']}" for row in map(json.loads, rows.open(encoding="utf-8"))]
    clock, processor = time.monotonic(), time.process_time()
    for start in range(0, len(texts), 2048):
        made.encode_batch_fast(texts[start : start + 2048], add_special_tokens=False)
    return Time(time.monotonic() - clock, time.process_time() - processor)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tarball", type=Path, help="chinese-poetry-2.0.1.tgz; without it npm fetches it")
    parser.add_argument("--folder", type=Path, default=Path(tempfile.gettempdir()) / "tuiqiao-benchmarks")
    parser.add_argument("--tokenizer", type=Path, help="a tokenizer.json, to time bounds on tokens with")
    parser.add_argument("--without", nargs="*", default=[], choices=["data-juicer", "datatrove"])
    args = parser.parse_args()
    args.folder.mkdir(parents=True, exist_ok=True)
    bins = {
        name: environment(args.folder, name, packages)
        for name, packages in (("data-juicer", DATA_JUICER), ("datatrove", DATATROVE))
        if name not in args.without
    }
    with tempfile.TemporaryDirectory(dir=args.folder) as temporary:
        folder = Path(temporary)
        rows = corpus.build(args.tarball, folder)
        joined = folder / "joined.jsonl"  # the others read one text a row
        with joined.open("w", encoding="utf-8") as stream:
            for row in map(json.loads, rows.open(encoding="utf-8")):
                stream.write(json.dumps({"text": f"{row['prompt']}\n{row['completion']}"}, ensure_ascii=False) + "\n")
        print(f"{corpus.ROWS} rows, {rows.stat().st_size / 1e6:.0f} MB, Python {sys.version.split()[0]}\n")
        taken, kept, steps = time_ours(folder / "ours", rows, None, "results/data/clean/corpus.jsonl")
        work = Time(sum(step.seconds for step in steps), sum(step.processor for step in steps))
        print("| contender | s | ours = 1 | processor s | ours = 1 | rows kept |")
        print("| --- | ---: | ---: | ---: | ---: | ---: |")
        print(f"| ours | {taken.cells(taken)} | {kept} |")
        print(f"| ours, without Snakemake | {work.cells(taken)} | {kept} |", flush=True)
        target = "results/data/clean/corpus.jsonl"
        spread, kept, _ = time_ours(folder / "parts", rows, None, target, parts=PROCESSES)
        print(f"| ours, in {PROCESSES} parts | {spread.cells(taken)} | {kept} |", flush=True)
        for name, contender in (("datatrove", time_datatrove), ("data-juicer", time_data_juicer)):
            if name in bins:
                other, left = contender(bins[name], joined, folder)
                print(f"| {name} | {other.cells(taken)} | {left} |", flush=True)
        _steps("steps", steps)
        target = "results/data/linked/corpus.parquet"
        _, _, steps = time_ours(folder / "near", rows, None, target)
        _steps("near-duplicates", [step for step in steps if step.step != "standardize"])
        if args.tokenizer:
            taken, kept, steps = time_ours(folder / "tokens", rows, args.tokenizer, "results/data/clean/corpus.jsonl")
            _steps(f"with bounds on tokens, {kept} rows kept", steps)
            passed = tokenizer_pass(rows, args.tokenizer)
            print(f"\none tokenizer pass over the corpus: {passed.clock:.1f} s, {passed.processor:.1f} processor s")


def _steps(title: str, steps: list[jobs.Job]) -> None:
    print(f"\n{title}\n\n| step | s | processor s | rows/processor s | peak MiB |\n| --- | ---: | ---: | ---: | ---: |")
    for step in steps:
        rate = corpus.ROWS / max(step.processor, 0.01)
        cells = f"{step.seconds:.1f} | {step.processor:.1f} | {rate:,.0f} | {step.peak_mib:.0f}"
        print(f"| {step.step} | {cells} |", flush=True)


if __name__ == "__main__":
    main()
