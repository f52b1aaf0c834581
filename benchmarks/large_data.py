"""Time and memory of every data step on generated rows, and what ten million rows would take.

    python -m benchmarks.large_data [--rows 2000000] [--shards 4 --cores 2]

A quarter of the rows runs first: a step that is linear in rows takes four times as long for four times as many, and
peak memory at ten million is what lies on the line through both. With shards a step is several jobs: their seconds are
added up, and the peak is that of the largest.
"""

import argparse
import json
import random
import tempfile
from collections.abc import Iterator
from pathlib import Path

from benchmarks import jobs

GOAL = 10_000_000  # rows
TEXTS = 1000  # of an evaluation, that rows are compared with
CONFIG = """\
recipe: custom
model: {base: "file://../base"}
sources:
  made:
    use: sft
    adapter: prompt_completion
    from: "file://../raw/made.jsonl"
    license: mit
split: {train: 0.9, val: 0.05, test: 0.05}
align: {method: none}
execution: {threads: 1}
"""


def rows(count: int) -> Iterator[str]:
    """Yield rows of some 120 Han characters; one in twenty is another one with a character changed."""
    draws = random.Random(1)
    characters = [chr(point) for point in range(0x4E00, 0x5E00)]
    recent: list[str] = []
    for _ in range(count):
        if recent and draws.random() < 0.05:
            text = list(draws.choice(recent))
            text[draws.randrange(len(text))] = draws.choice(characters)
            text = "".join(text)
        else:
            text = "".join(draws.choices(characters, k=draws.randrange(80, 160)))
            recent = [*recent[-999:], text]
        yield json.dumps({"prompt": text[:30], "completion": text[30:]}, ensure_ascii=False) + "\n"


def measure(count: int, folder: Path, cores: int, shards: int) -> tuple[float, dict[str, jobs.Job]]:
    place = jobs.build(folder, CONFIG)
    (folder / "raw" / "poems.json").unlink()
    with (folder / "raw" / "made.jsonl").open("w", encoding="utf-8") as stream:
        stream.writelines(rows(count))
    jobs.watch(place, "results/models/base/tokenizer.json")
    evaluated = place.repository / "data_raw" / "eval" / "made" / "test.jsonl"
    evaluated.parent.mkdir(parents=True)
    evaluated.write_text("".join(rows(TEXTS)), encoding="utf-8")
    execution = {"shards": {"made": shards}}
    seconds, steps = jobs.watch(place, "results/data/card.json", cores=cores, execution=execution)
    sizes = {}
    for path in (place.work / "results" / "data").rglob("*.*"):
        name = f"{path.relative_to(place.work / 'results' / 'data').parts[0]}, {''.join(path.suffixes)}"
        sizes[name] = sizes.get(name, 0) + path.stat().st_size
    print(
        ", ".join(f"{name} {size / count:.0f}" for name, size in sorted(sizes.items()) if size > count), "bytes a row"
    )
    found: dict[str, jobs.Job] = {}
    for job in steps:
        known = found.setdefault(job.step, jobs.Job(job.step, job.started))
        known.seconds += job.seconds
        known.processor += job.processor
        known.peak_mib = max(known.peak_mib, job.peak_mib)
    return seconds, found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=2_000_000)
    parser.add_argument("--folder", type=Path, default=Path(tempfile.gettempdir()), help="several GB are needed")
    parser.add_argument("--cores", type=int, default=1)
    parser.add_argument("--shards", type=int, default=1)
    args = parser.parse_args()
    few, many = args.rows // 4, args.rows
    found = {}
    for count in (few, many):
        with tempfile.TemporaryDirectory(dir=args.folder) as temporary:
            found[count] = measure(count, Path(temporary) / "place", args.cores, args.shards)
        print(f"{count} rows: {found[count][0]:.0f} s", flush=True)
    print(
        f"\n| step | s a million, {few} rows | {many} rows | processor s a million, {few} rows | {many} rows ", end=""
    )
    print(f"| peak MiB, {few} rows | {many} rows | at {GOAL} |\n| --- {'| ---: ' * 7}|")
    for step, large in found[many][1].items():
        small = found[few][1][step]
        slope = (large.peak_mib - small.peak_mib) / (many - few)
        times = [job.seconds / count * 1e6 for job, count in ((small, few), (large, many))]
        times += [job.processor / count * 1e6 for job, count in ((small, few), (large, many))]
        goal = large.peak_mib + slope * (GOAL - many)
        cells = [*times, small.peak_mib, large.peak_mib, goal]
        print(f"| {step} | {' | '.join(f'{cell:.0f}' for cell in cells)} |")


if __name__ == "__main__":
    main()
