"""Run all variants of a sweep, each step that they share once, and compare them on one page."""

import argparse
import contextlib
import logging
import os
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

import yaml

from workflow_scripts.lib import devices, final_words, jsonl, logs
from workflow_scripts.lib.config.layers import Settings
from workflow_scripts.lib.errors import UserError
from workflow_scripts.lib.provenance import sharing
from workflow_scripts.lib.provenance.seen import SeenFiles
from workflow_scripts.lib.provenance.sizes import parse_size
from workflow_scripts.lib.provenance.store import Store
from workflow_scripts.lib.reporting import run_files, sweep_comparison, sweep_page
from workflow_scripts.lib.sweeps import configs, definition, graph, planning, side_by_side
from workflow_scripts.lib.sweeps.definition import Sweep, Variant
from workflow_scripts.lib.sweeps.graph import Graph
from workflow_scripts.lib.sweeps.planning import SweepPlan
from workflow_scripts.lib.sweeps.side_by_side import Command
from workflow_scripts.lib.workflow import Plan

log = logging.getLogger(__name__)
REPOSITORY = Path(__file__).resolve().parents[1]
STORE = REPOSITORY / "results" / "store"
TARGET = "results/eval/report.json"


def main(argv: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sweep", required=True, help="name of a file in config/sweeps/")
    parser.add_argument("--cores", type=int, required=True, help="of all variants at work together")
    parser.add_argument("--jobs", type=int, required=True, help="variants at work at a time")
    parser.add_argument("--cards", nargs="*", required=True, help="values of CUDA_VISIBLE_DEVICES, one a trainer")
    parser.add_argument("--plan-only", action="store_true", help="tell what would run, and run nothing")
    args = parser.parse_args(argv)
    logs.start()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda given, frame: sys.exit(128 + given))  # the runs are ended first
    file = f"config/sweeps/{args.sweep}.yaml"
    sweep = definition.read(REPOSITORY / file, REPOSITORY)
    folder = REPOSITORY / "runs" / sweep.name
    with final_words.hold(folder), sharing.take_part(STORE) as store_lock:
        settings = configs.load(sweep, file, REPOSITORY, [_from_variant(path) for path in sweep.base])
        planned = _plan(sweep, settings, folder)
        kept = {entry.record.step.split(" ")[0]: entry.record.seconds for entry in Store(STORE).entries([])}
        sys.stdout.write(f"{planning.table(planned, kept)}\n")
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


def _from_variant(path: Path) -> str:
    """Return how a run in runs/<sweep>/<variant>/ names a file."""
    return os.path.relpath(path, REPOSITORY / "runs" / "sweep" / "variant")


def _plan(sweep: Sweep, settings: dict[str, Settings], folder: Path) -> SweepPlan:
    variants = {variant.name: variant for variant in sweep.variants}
    seen = SeenFiles(folder / "files.seen")
    # In an empty folder all is yet to be made, and at this depth paths are those of a variant's folder.
    with tempfile.TemporaryDirectory(prefix=".plan-", dir=folder) as empty, contextlib.chdir(empty):
        found = planning.plan(
            {name: Plan(each, REPOSITORY) for name, each in settings.items()},
            {name: folder / name for name in variants},
            seen,
            lambda name: draw(sweep, variants[name]),
        )
    seen.save()
    return found


def draw(sweep: Sweep, variant: Variant) -> Graph:
    """Return the graph that the engine makes of a variant, by a dry run in the working directory.

    Raises:
        UserError: If it refuses.
    """
    target = Path("graph.json").resolve()
    _write_config(Path(configs.FILE), variant)
    words = _snakemake(Path(), sweep, 1, "--dry-run")
    variables = _variables({graph.VARIABLE: str(target)})
    done = subprocess.run(words, cwd=REPOSITORY, env=variables, capture_output=True, text=True)
    if done.returncode or not target.exists():
        raise UserError(f"the engine refuses to plan it: {done.stderr[-2000:]}", variant.name, "mend what it says")
    return graph.read(target)


def _run(args: argparse.Namespace, sweep: Sweep, planned: SweepPlan, folder: Path) -> list[str]:
    """Run what is left, and return the variants that failed."""
    variants = {variant.name: variant for variant in sweep.variants}
    variables = _variables(devices.shared(folder, args.cards))
    cores = max(1, args.cores // args.jobs)
    commands = {}
    for name in planned.left:
        place = folder / name
        _write_config(place / configs.FILE, variants[name])
        sharing.share(place / "results", STORE)
        words = _snakemake(place, sweep, cores)
        commands[name] = Command(words, REPOSITORY, place / "snakemake.log", variables)
    width = max(map(len, commands))

    def tell(name: str, line: str) -> None:
        sys.stdout.write(f"{name:{width}} | {line}\n")
        sys.stdout.flush()

    statuses = side_by_side.run(commands, args.jobs, tell)
    return [name for name, status in statuses.items() if status]


def _snakemake(place: Path, sweep: Sweep, cores: int, *options: str) -> list[str]:
    """Return the command that makes a variant's report; a person can give it as well."""
    words = [sys.executable, "-m", "snakemake", TARGET, "--directory", str(place.resolve()), "--cores", str(cores)]
    words += [*options, "--quiet", "all"]
    return [*words, "--configfile", *map(str, sweep.base), str((place / configs.FILE).resolve())]


def _variables(more: dict[str, str]) -> dict[str, str]:
    return os.environ | {"PYTHONUNBUFFERED": "1"} | more


def _write_config(path: Path, variant: Variant) -> None:
    text = yaml.safe_dump(variant.layer.values, allow_unicode=True, sort_keys=False)
    if not path.exists() or path.read_text(encoding="utf-8") != text:
        with jsonl.atomic_writer(path) as stream:
            stream.write(text)


def _compare(sweep: Sweep, failed: list[str], folder: Path) -> None:
    runs = [
        sweep_comparison.Member(
            run=run_files.read(variant.name, folder / variant.name / "results" / "eval"),
            group=variant.group,
            seed=variant.seed,
            told=variant.told,
        )
        for variant in sweep.variants
        if variant.name not in failed
    ]
    if len(runs) < 2:
        log.info("nothing to compare: %d variants finished", len(runs))
        return
    comparison = sweep_comparison.compare(runs, failed)
    jsonl.write_json(folder / "compare.json", comparison.as_json())
    with jsonl.atomic_writer(folder / "compare.html") as stream:
        stream.write(sweep_page.page(sweep.name, comparison))
    log.info("%s: %s", (folder / "compare.html").relative_to(REPOSITORY), comparison.summary)


if __name__ == "__main__":
    main()
