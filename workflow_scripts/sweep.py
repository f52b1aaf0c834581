"""Run all variants of a sweep, each step that they share once, and compare them on one page."""

import argparse
import contextlib
import logging
import signal
import sys
import tempfile
from pathlib import Path

from workflow_scripts.lib import devices, final_words, jsonl, logs
from workflow_scripts.lib.config.layers import Settings
from workflow_scripts.lib.errors import UserError
from workflow_scripts.lib.provenance import sharing
from workflow_scripts.lib.provenance.seen import SeenFiles
from workflow_scripts.lib.provenance.sizes import parse_size
from workflow_scripts.lib.provenance.store import Store
from workflow_scripts.lib.reporting import run_files, sweep_comparison, sweep_page
from workflow_scripts.lib.sweeps import configs, definition, engine_runs, planning, side_by_side
from workflow_scripts.lib.sweeps.definition import Sweep
from workflow_scripts.lib.sweeps.planning import SweepPlan
from workflow_scripts.lib.workflow import Plan

log = logging.getLogger(__name__)
REPOSITORY = Path(__file__).resolve().parents[1]
STORE = REPOSITORY / "results" / "store"


def main(argv: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sweep", required=True, help="name of a file in config/sweeps/")
    parser.add_argument("--cores", type=_count, required=True, help="of all variants at work together")
    parser.add_argument("--jobs", type=_count, required=True, help="variants at work at a time")
    parser.add_argument("--cards", nargs="*", required=True, help="values of CUDA_VISIBLE_DEVICES, one a trainer")
    parser.add_argument("--plan-only", action="store_true", help="tell what would run, and run nothing")
    logs.start()
    args = parser.parse_args(argv)
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda given, frame: sys.exit(128 + given))  # the runs are ended first
    file = f"config/sweeps/{args.sweep}.yaml"
    sweep = definition.read(REPOSITORY / file, REPOSITORY)
    folder = REPOSITORY / "runs" / sweep.name
    with final_words.hold(folder):
        with sharing.take_part(STORE) as store_lock:
            base = [engine_runs.as_named_by_a_run(path, REPOSITORY) for path in sweep.base]
            settings = configs.load(sweep, file, REPOSITORY, base)
            planned = _plan(sweep, settings, folder)
            kept = {entry.record.step.split(" ")[0]: entry.record.seconds for entry in Store(STORE).entries([])}
            sys.stdout.write(f"{planning.table(planned, kept)}\n{_left_over(sweep, folder)}")
            sys.stdout.flush()
            if args.plan_only:
                return
            failed = _run(args, sweep, planned, folder) if planned.left else []
            if sharing.is_alone(store_lock):
                max_bytes = max(parse_size(found.config.execution.store.max_size) for found in settings.values())
                Store(STORE).prune(max_bytes, sharing.current_records(STORE), sharing.splits_in_use(STORE))
        _compare(sweep, failed, folder)
    if failed:
        raise UserError(
            f"{len(failed)} of {len(sweep.variants)} variants failed: {', '.join(failed)}",
            ", ".join(str((folder / name / "snakemake.log").relative_to(REPOSITORY)) for name in failed),
            "mend what these logs say and give the same command again; the others stay as they are",
        )


def _count(text: str) -> int:
    if not text.isdecimal() or not int(text):
        raise UserError(f"{text!r} is no number above 0", "CORES, JOBS", "write it like JOBS=2")
    return int(text)


def _plan(sweep: Sweep, settings: dict[str, Settings], folder: Path) -> SweepPlan:
    variants = {variant.name: variant for variant in sweep.variants}
    seen = SeenFiles(folder / "files.seen")
    with tempfile.TemporaryDirectory(prefix=".plan-", dir=folder) as empty, contextlib.chdir(empty):
        found = planning.plan(
            {name: Plan(each, REPOSITORY) for name, each in settings.items()},
            {name: folder / name for name in variants},
            seen,
            lambda name: engine_runs.draw(sweep, variants[name], Path(empty), REPOSITORY),
        )
    seen.save()
    return found


def _left_over(sweep: Sweep, folder: Path) -> str:
    """Name the folders of variants that the sweep had once."""
    found = {path.parent.name for path in folder.glob("*/results")} - {variant.name for variant in sweep.variants}
    told = f"no longer in this sweep, and still in {folder.relative_to(REPOSITORY)}: {', '.join(sorted(found))}\n"
    return told if found else ""


def _run(args: argparse.Namespace, sweep: Sweep, planned: SweepPlan, folder: Path) -> list[str]:
    """Run what is left, and return the variants that failed."""
    cores, variables = max(1, args.cores // args.jobs), devices.shared(folder, args.cards)
    commands = {}
    for variant in sweep.variants:
        if variant.name in planned.left:
            place = folder / variant.name
            sharing.share(place / "results", STORE)
            commands[variant.name] = engine_runs.command(sweep, variant, place, REPOSITORY, cores, **variables)
    width = max(map(len, commands))

    def tell(name: str, line: str) -> None:
        sys.stdout.write(f"{name:{width}} | {line}\n")
        sys.stdout.flush()

    statuses = side_by_side.run(commands, args.jobs, tell)
    return [name for name, status in statuses.items() if status]


def _compare(sweep: Sweep, failed: list[str], folder: Path) -> None:
    """Write the comparison of the variants that did not fail, unless it stands there already."""
    page, figures = folder / "compare.html", folder / "compare.json"
    finished = [variant for variant in sweep.variants if variant.name not in failed]
    results = {variant.name: folder / variant.name / "results" / "eval" for variant in finished}
    if len(finished) < 2:
        log.info("nothing to compare: %d variants finished", len(finished))
        return
    made = max((path / "report.json").stat().st_mtime for path in results.values())
    if page.exists() and figures.exists() and min(page.stat().st_mtime, figures.stat().st_mtime) > made:
        known = jsonl.read_json(figures)
        if [variant["name"] for variant in known["variants"]] == list(results) and known["failed"] == failed:
            log.info("%s: as before", page.relative_to(REPOSITORY))
            return
    members = [
        sweep_comparison.Member(
            run=run_files.read(variant.name, results[variant.name]),
            group=variant.group,
            seed=variant.seed,
            told=variant.told,
        )
        for variant in finished
    ]
    comparison = sweep_comparison.compare(members, failed)
    jsonl.write_json(figures, comparison.as_json())
    with jsonl.atomic_writer(page) as stream:
        stream.write(sweep_page.page(sweep.name, comparison))
    log.info("%s: %s", page.relative_to(REPOSITORY), comparison.summary)


if __name__ == "__main__":
    main()
