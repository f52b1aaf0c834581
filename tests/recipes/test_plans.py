"""What each recipe would run with its real settings: a dry run each; hardware changes how, and no step."""

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
import running
from running import Place

from workflow_scripts.lib.config import layers
from workflow_scripts.lib.workflow import Plan

CONFIG = running.REPOSITORY / "config"
HARDWARE = sorted(path.stem for path in (CONFIG / "hardware").glob("*.yaml"))
RECIPES = sorted(path.stem for path in (CONFIG / "recipes").glob("*.yaml"))
OWN = {"own": {"use": "sft", "adapter": "messages", "from": "file://Snakefile", "license": "mit"}}
BROUGHT: dict[str, dict[str, Any]] = {"custom": {"sources": OWN, "align": {"method": "none"}}}  # by people
# Of each rule whose number of jobs differs between recipes, how many there are.
PLANS: dict[str, dict[str, int]] = {
    "custom": {"acquire": 1, "standardize": 1, "mix_sources": 1, "evaluate_perplexity": 2, "evaluate_panel": 2},
    "domain-large": {
        **{"acquire": 6, "standardize": 6, "mix_sources": 1},
        **{"evaluate_harness": 2, "evaluate_perplexity": 2, "evaluate_panel": 2},
    },
    "domain-small": {
        **{"acquire": 3, "standardize": 3, "mix_sources": 1},
        **{"evaluate_harness": 2, "evaluate_perplexity": 2, "evaluate_panel": 2},
    },
    "general": {
        **{"acquire": 10, "standardize": 9, "sketch_rows": 8, "find_contamination": 8},
        **{"mix_sources": 2, "train_align": 1, "evaluate_safety": 3},
        **{"evaluate_harness": 3, "evaluate_perplexity": 3, "evaluate_preference": 3, "evaluate_panel": 3},
    },
    "k12": {
        **{"acquire": 4, "standardize": 3, "mix_sources": 2, "train_align": 1},
        **{"evaluate_harness": 3, "evaluate_perplexity": 3, "evaluate_preference": 3, "evaluate_panel": 3},
    },
    "law": {
        **{"acquire": 3, "standardize": 2, "sketch_rows": 1, "find_contamination": 1, "mix_sources": 1},
        **{"sample_replies": 1, "verify_replies": 1, "evaluate_judgement": 2, "evaluate_panel": 2},
    },
    "tang": {
        **{"acquire": 2, "standardize": 2, "mix_sources": 2, "train_align": 1, "write_eval_tasks": 1},
        **{"evaluate_harness": 3, "evaluate_perplexity": 3, "evaluate_preference": 3, "evaluate_panel": 3},
        **{"evaluate_form": 3},
    },
    "tang-full": {
        **{"acquire": 2, "standardize": 1, "mix_sources": 1, "write_eval_tasks": 1},
        **{
            "evaluate_harness": 2,
            "evaluate_perplexity": 2,
            "evaluate_form": 2,
            "evaluate_decoding": 2,
            "evaluate_panel": 2,
        },
    },
}
ONCE = ("prepare_base", "link_rows", "check_splits", "write_data_card", "train_sft", "merge_adapter", "write_report")
EACH_SOURCE = ("measure_rows", "count_tokens", "clean_rows", "sketch_rows")  # as many as standardize


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Place:
    """A copy of the repository with nothing made, the default config, and the file that people bring."""
    made = running.build(tmp_path_factory.mktemp("recipes") / "place", "", num_poems=4)
    made.configfile.unlink()
    (made.repository / "data_raw").mkdir()
    rows = [{"instruction": "请总结。", "input": "甲公司年报", "output": "好。"}]
    (made.repository / "data_raw" / "my_dataset.json").write_text(json.dumps(rows), encoding="utf-8")
    return made


def test_every_recipe_has_a_plan_here() -> None:
    assert sorted(PLANS) == RECIPES


@pytest.mark.parametrize("recipe", sorted(PLANS))
def test_a_dry_run_shows_the_plan(place: Place, recipe: str) -> None:
    hardware = "cpu" if recipe == "tang" else "rtx4090"
    jobs = Counter(place.make("--dry-run", recipe=recipe, hardware=hardware, **BROUGHT.get(recipe, {})).rules)
    each = dict.fromkeys(EACH_SOURCE, PLANS[recipe]["standardize"])
    aligned = "train_align" in PLANS[recipe]
    shared = dict.fromkeys(ONCE, 1) | each | {"write_model_card": 3 if aligned else 2, "write_config": 1, "all": 1}
    assert dict(jobs) == shared | PLANS[recipe] | {"split_groups": PLANS[recipe]["mix_sources"]}


@pytest.mark.parametrize("recipe", sorted(PLANS))
def test_hardware_changes_no_step(place: Place, recipe: str) -> None:
    """Steps follow from sources, stages, tasks and evaluations: all of these are the recipe's."""

    def steps(hardware: str) -> Any:
        given = {"recipe": recipe, "hardware": hardware} | BROUGHT.get(recipe, {})
        plan = Plan(layers.load(place.repository, [], given), place.repository)
        figures = ("perplexity", "preference", "form", "judgement", "decoding", "panel")
        kinds = [kind for kind in figures if plan.evaluates(kind)]
        return list(plan.sources), plan.stages, plan.trained_stages, plan.config.eval.tasks, kinds

    assert len(HARDWARE) >= 6
    assert {json.dumps(steps(hardware)) for hardware in HARDWARE} == {json.dumps(steps("cpu"))}


def test_without_the_own_file_the_domain_recipes_say_where_it_goes(place: Place, tmp_path: Path) -> None:
    (place.repository / "data_raw" / "my_dataset.json").rename(tmp_path / "aside.json")
    try:
        run = place.snakemake("--dry-run", recipe="domain-small")
    finally:
        (tmp_path / "aside.json").rename(place.repository / "data_raw" / "my_dataset.json")
    assert run.status == 1
    assert "no such file or folder: data_raw/my_dataset.json\n  where:  sources.reports.from" in run.output
    assert "or put the file there" in run.output
