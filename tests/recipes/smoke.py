"""Run a recipe whole, from raw rows to the report, on small data of the true shapes and a tiny random model.

    make smoke RECIPE=<recipe>

The recipe's own file is unchanged; an overlay makes it short. Data sets and the model come from a hub on loopback,
under the names that the recipe has; the data of official tasks stand in data_raw/eval/.
"""

import argparse
import json
import logging
import shutil
import sys
from pathlib import Path
from typing import Any

import data_sets
import law_data
import running
import task_samples
import tiny
import yaml
from hub.hub import Hub
from running import Place, Run

from workflow_scripts.lib import logs
from workflow_scripts.lib.config import layers
from workflow_scripts.lib.sources import uris

log = logging.getLogger(__name__)
RECIPES = ("domain-large", "domain-small", "general", "k12", "tang-full")  # `tang` runs whole, for real, in minutes
LAW = "law"  # with a model that knows something: a random one never writes a right reply
SUBSETS = {"cmmlu": list(task_samples.SUBJECTS), "ceval-valid": ["law", "college_physics"]}  # those with samples
# The tiny model reads bytes, three of which make a Chinese character.
SHORT = {"epochs": None, "global_batch_size": 4, "micro_batch_size": 2, "max_length": 1024}


def overlay(recipe: str) -> dict[str, Any]:
    """Return what makes a recipe short: steps and numbers of evaluated rows, nothing of its data."""
    if recipe == LAW:
        return law_data.OVERLAY
    values = layers.read_layer(running.REPOSITORY / "config" / "recipes" / f"{recipe}.yaml", recipe).values
    subsets = {task: {"subsets": SUBSETS[task], "limit": 2} for task in values["eval"]["tasks"] if task in SUBSETS}
    return {
        "recipe": recipe,
        "clean": {"max_tokens": 900},
        "sft": SHORT | {"max_steps": 3},
        "align": SHORT | {"max_steps": 2},
        "eval": {
            "per_task": subsets,
            "limit": 4,
            "bootstrap_samples": 100,
            "batch_size": 4,
            "perplexity": {"max_rows": 8},
            "preference": {"max_rows": 8},
            "form": {"max_rows": 4, "max_new_tokens": 8},
            "decoding": {"max_rows": 3, "num_replies": 2, "max_new_tokens": 8},
            "panel": {"max_new_tokens": 4},
            "safety": {"max_rows": 4, "max_new_tokens": 4},
        },
        "execution": {"threads": 1, "logging_steps": 1, "save_steps": 2},
    }


def build(recipe: str, folder: Path, hub: Hub) -> Place:
    """Lay out a copy of the repository with the overlay, what people bring, and fill the hub."""
    place = running.build(folder, yaml.safe_dump(overlay(recipe)), num_poems=1)
    raw = place.repository / "data_raw"
    (raw / "tang_poems").mkdir(parents=True)
    _write(raw / "tang_poems" / "poet.tang.0.json", data_sets.poems())
    _write(raw / "my_dataset.json", data_sets.reports())
    task_samples.write_all(raw / "eval")
    for name, files in (data_sets.repositories() | law_data.repositories()).items():
        hub.add_dataset(name, files)
    model = (law_data.knowing_model if recipe == LAW else tiny.build)(folder / "tiny")
    (model / "manifest.json").unlink()
    base = layers.load(place.repository, [], {"recipe": recipe}).config.model.base
    hub.add_model(uris.parse(base).package, model)
    return place


def run(recipe: str, folder: Path) -> tuple[Place, Run]:
    """Build, run to the end, and return place and run."""
    with Hub() as hub:
        place = build(recipe, folder, hub)
        return place, place.snakemake(cores=2, variables=hub.environment(folder / "home"))


def _write(path: Path, rows: list[dict]) -> None:
    path.write_text(json.dumps(rows, ensure_ascii=False), encoding="utf-8")


def main() -> None:
    logs.start()
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("recipe", choices=(*RECIPES, LAW))
    parser.add_argument("folder", type=Path)
    args = parser.parse_args()
    shutil.rmtree(args.folder, ignore_errors=True)
    place, done = run(args.recipe, args.folder.resolve())
    if done.status:
        sys.stderr.write(done.output)
        sys.exit(done.status)
    log.info("%d jobs; %s", len(done.rules), place.work / "results" / "eval" / "report.html")


if __name__ == "__main__":
    main()
