"""A variant as a run of the engine, and as a dry run that leaves its graph."""

import os
import subprocess
import sys
from pathlib import Path

import yaml

from workflow_scripts.lib import jsonl
from workflow_scripts.lib.errors import UserError
from workflow_scripts.lib.sweeps import configs, graph
from workflow_scripts.lib.sweeps.definition import Sweep, Variant
from workflow_scripts.lib.sweeps.graph import Graph
from workflow_scripts.lib.sweeps.side_by_side import Command

TARGET = "results/eval/report.json"
_DEPTH = Path("runs/sweep/variant")  # of a variant's folder in the repository


def as_named_by_a_run(path: Path, repository: Path) -> str:
    """Return how a run in a variant's folder names a file, in its results too."""
    return os.path.relpath(path, repository / _DEPTH)


def command(sweep: Sweep, variant: Variant, folder: Path, repository: Path, cores: int, **variables: str) -> Command:
    """Write a variant's config into its folder, and return the command that makes its report; a person can give it."""
    text = yaml.safe_dump(variant.layer.values, allow_unicode=True, sort_keys=False)
    config = folder / configs.FILE
    with jsonl.atomic_writer(config) as stream:
        stream.write(text)
    words = [sys.executable, "-m", "snakemake", TARGET, "--directory", str(folder), "--cores", str(cores)]
    words += ["--quiet", "all", "--configfile", *map(str, sweep.base), str(config)]
    environment = os.environ | {"PYTHONUNBUFFERED": "1"} | variables
    return Command(words, repository, folder / "snakemake.log", environment)


def draw(sweep: Sweep, variant: Variant, empty: Path, repository: Path) -> Graph:
    """Return the graph that the engine makes of a variant.

    Args:
        sweep: The sweep.
        variant: The variant.
        empty: A folder as deep in the repository as variants are, where all is yet to be made.
        repository: The repository.

    Raises:
        UserError: If the engine refuses.
    """
    target = empty / "graph.json"
    run = command(sweep, variant, empty, repository, 1, **{graph.VARIABLE: str(target)})
    words = [*run.words[:4], "--dry-run", *run.words[4:]]
    done = subprocess.run(words, cwd=run.folder, env=run.variables, capture_output=True, text=True, encoding="utf-8")
    if done.returncode or not target.exists():
        raise UserError(f"the engine refuses to plan it: {done.stderr[-2000:]}", variant.name, "mend what it says")
    return graph.read(target)
