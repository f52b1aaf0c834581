"""Run tasks of lm-evaluation-harness on a loaded model, each with settings of its own."""

import contextlib
import random
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import datasets
import lm_eval
import numpy as np
import torch
from lm_eval.api.group import Group
from lm_eval.config.group import GroupConfig
from lm_eval.defaults import DEFAULT_OTHER_SEED, DEFAULT_RANDOM_SEED
from lm_eval.tasks import TaskManager

from workflow_scripts.lib.config.evaluation import TaskOptions
from workflow_scripts.lib.config.fields import Count, CountOrZero, Section, Text, optional
from workflow_scripts.lib.config.training import Model
from workflow_scripts.lib.errors import UserError
from workflow_scripts.lib.evaluation import official_tasks
from workflow_scripts.lib.evaluation.shared_context_lm import SharedContextLM
from workflow_scripts.lib.evaluation.stage import model_settings
from workflow_scripts.lib.evaluation.task_data import DEFAULT

VERSION = lm_eval.__version__
FIRST_CHOICE = ("acc", "exact_match")  # the metric that stands for a task that reports several
_COMMIT = re.compile(r"[0-9a-f]{40}")
USUAL = {"hellaswag": "acc_norm"}  # where people report another one


class HarnessEval(Section):
    tasks: list[Text]
    limit: optional(Count)
    num_fewshot: optional(CountOrZero)
    per_task: dict[Text, TaskOptions]
    batch_size: Count


class HarnessConfig(Section):
    model: Model
    eval: HarnessEval


@dataclass(frozen=True)
class Task:
    """One task as it is to be run.

    Attributes:
        limit: Documents a task; None: all.
        num_fewshot: Examples in the prompt; None: the task's own number.
        subsets: Members of a group to run; None: all.
        local: Its definition, if it is a file of this workflow.
        manifest: What there is of a person's own files, laid out in ``data``; both None if the hub is read.
    """

    name: str
    limit: int | None
    num_fewshot: int | None
    subsets: list[str] | None = None
    local: dict[str, Any] | None = None
    manifest: dict[str, Any] | None = None
    data: Path | None = None


def task_of(name: str, config: HarnessEval, **more: Any) -> Task:
    """Return a task with its settings: its own, or else those of all tasks."""
    own = config.per_task.get(name, TaskOptions())
    limit = config.limit if own.limit is None else own.limit
    num_fewshot = config.num_fewshot if own.num_fewshot is None else own.num_fewshot
    return Task(name, limit, num_fewshot, own.subsets, **more)


def evaluate_tasks(
    model: Any, tokenizer: Any, tasks: list[Task], config: HarnessConfig, cache: str
) -> Iterator[tuple[Task, dict]]:
    """Yield each task and its result. All of them are made ready before the model judges the first one.

    Args:
        cache: Folder for converted rows of local tasks and own files. Must be new: ``datasets`` recognizes a file by
            name and time of change only, and would serve an edited one from its cache.

    Raises:
        UserError: If the harness knows no task of a name, or its data cannot be had.
    """
    official = [task.name for task in tasks if task.local is None]
    manager = official_tasks.find(official) if official else TaskManager(include_defaults=False)
    ready = [(task, _load(manager, task, cache)) for task in tasks]
    judge = SharedContextLM(pretrained=model, tokenizer=tokenizer, batch_size=config.eval.batch_size)
    for task, loaded in ready:
        members = manager.load([loaded])
        for member in members["tasks"].values():
            _set_examples(member, task.num_fewshot)
        random.seed(DEFAULT_RANDOM_SEED)
        np.random.seed(DEFAULT_OTHER_SEED)
        torch.manual_seed(DEFAULT_OTHER_SEED)
        # simple_evaluate would ask the machine for its versions after each task, which takes seconds
        results = lm_eval.evaluate(
            lm=judge,
            task_dict=members,
            limit=task.limit,
            system_instruction=config.model.system_prompt,
            apply_chat_template=True,
            fewshot_as_multiturn=True,
        )
        yield task, _result(task, results, config, _commits(members["tasks"].values()))


def _set_examples(member: Any, wanted: int | None) -> None:
    """Set the number of examples as `lm-eval --num_fewshot` does: a task that says 0 itself stays at that."""
    own = member.get_config("num_fewshot")
    if own != 0:
        member.set_config("num_fewshot", (own or 0) if wanted is None else wanted)
    member.set_fewshot_seed(seed=DEFAULT_OTHER_SEED)


def _load(manager: TaskManager, task: Task, cache: str) -> Any:
    """Return the harness's object for a task, its data read."""
    if task.local is not None:
        cached = {**task.local, "dataset_kwargs": {**task.local["dataset_kwargs"], "cache_dir": cache}}
        return manager.load(cached)["tasks"][task.name]
    leaves = official_tasks.chosen_members(manager, task.name, task.subsets)
    if task.manifest is None:
        try:
            return _official(manager, task, leaves)
        except (OSError, RuntimeError, ValueError, datasets.exceptions.DatasetsError) as error:
            raise UserError(
                f"the data of {task.name} could not be fetched ({(str(error).splitlines() or [''])[0][:200]})",
                "eval.tasks",
                f"put its files (Parquet, JSON Lines or CSV, plain or in a zip) into data_raw/eval/{task.name}/",
            ) from error
    _check_data(manager, task, leaves)
    with contextlib.chdir(task.data), _cache(cache):
        return _official(manager, task, leaves)


def _official(manager: TaskManager, task: Task, leaves: list[str]) -> Any:
    """Return a task of the harness, or a group of the members that are chosen."""
    if task.subsets is None:
        loaded = manager.load(task.name)
        return loaded["groups"].get(task.name) or loaded["tasks"][task.name]
    cfg = manager.task_index[task.name].cfg
    fields = ("group", "group_alias", "aggregate_metric_list", "metadata")
    group = Group.from_config(GroupConfig(**{name: cfg[name] for name in fields if name in cfg}))
    for leaf in manager.load(leaves)["tasks"].values():
        group.add(leaf)
    return group


@contextlib.contextmanager
def _cache(folder: str) -> Iterator[None]:
    """Let ``datasets`` keep its tables elsewhere; a task that is named leaves no way to say so."""
    usual = datasets.config.HF_DATASETS_CACHE
    datasets.config.HF_DATASETS_CACHE = folder
    try:
        yield
    finally:
        datasets.config.HF_DATASETS_CACHE = usual


def _check_data(manager: TaskManager, task: Task, leaves: list[str]) -> None:
    """Raise a UserError if the files lack a subset, or the examples that the prompt is to have."""
    folder, there = f"data_raw/eval/{task.name}/", task.manifest["subsets"]
    configs = {leaf: manager.task_index[leaf].cfg for leaf in leaves}
    subset_of = {leaf: cfg.get("dataset_name") or DEFAULT for leaf, cfg in configs.items()}
    missing = [subset for subset in subset_of.values() if subset not in there]
    if missing:
        raise UserError(
            f"no files for {len(missing)} of {len(leaves)} subsets of {task.name}: {', '.join(missing[:10])}",
            folder,
            f"add them, or name those that are there in eval.per_task.{task.name}.subsets",
        )
    for leaf, cfg in configs.items():
        shots = (cfg.get("num_fewshot") or 0) if task.num_fewshot is None else task.num_fewshot
        shown = official_tasks.data_of(manager, leaf).shown
        rows = there[subset_of[leaf]].get(shown, {"rows": 0})["rows"]
        if rows < shots:
            raise UserError(
                f"{leaf} is to have {shots} examples in the prompt, and its split {shown!r} has {rows} rows",
                f"eval.num_fewshot, eval.per_task.{task.name}.num_fewshot, {folder}",
                "add the split's file, or ask for fewer examples",
            )


def _commits(members: Iterable[Any]) -> list[str]:
    """Return the commits of the hub that tasks were read at: ``datasets`` names a folder of its cache by each."""
    tables = [table for member in members for split in member.dataset.values() for table in split.cache_files]
    return sorted({name for table in tables if _COMMIT.fullmatch(name := Path(table["filename"]).parent.name)})


def _result(task: Task, results: dict, config: HarnessConfig, commits: list[str]) -> dict:
    leaves = _leaves(task.name, results)
    metrics = _metrics(results["results"][task.name])
    first = [USUAL[task.name]] if task.name in USUAL else FIRST_CHOICE
    main = next((metric for metric in first if metric in metrics), next(iter(metrics)))
    return {
        "task": task.name,
        "metric": main,
        "value": metrics[main]["value"],
        "stderr": metrics[main]["stderr"],
        "n": sum(results["n-samples"][leaf]["effective"] for leaf in leaves),
        "metrics": metrics,
        **({"subsets": {leaf: _metrics(results["results"][leaf]) for leaf in leaves}} if leaves != [task.name] else {}),
        "lm_eval_version": VERSION,
        "settings": {
            "limit": task.limit,
            "num_fewshot": results["n-shot"][leaves[0]],
            "batch_size": config.eval.batch_size,
            "data": "own files" if task.manifest is not None else "test split" if task.local is not None else "hub",
            **({"commits": commits} if commits else {}),
            **model_settings(config.model),
        },
        "samples": [sample for leaf in leaves for sample in _samples(leaf, results)],
    }


def _leaves(name: str, results: dict) -> list[str]:
    """Return the tasks that a name stands for: itself, or the members of a group and its groups."""
    members = results.get("group_subtasks", {}).get(name) or []
    return [leaf for member in members for leaf in _leaves(member, results)] or [name]


def _metrics(reported: dict) -> dict[str, dict]:
    """Read the harness's flat ``acc,none`` and ``acc_stderr,none``."""
    metrics = {}
    for key, value in reported.items():
        metric, comma, filtered = key.partition(",")
        if comma and not metric.endswith("_stderr"):
            error = reported.get(f"{metric}_stderr,{filtered}")
            name = metric if filtered == "none" else f"{metric},{filtered}"
            metrics[name] = {"value": value, "stderr": error if isinstance(error, float) else None}
    return metrics


def _samples(task: str, results: dict) -> Iterator[dict]:
    for sample in results["samples"][task]:
        suffix = "" if sample["filter"] == "none" else f",{sample['filter']}"
        yield {
            "id": str(sample["doc"].get("id", sample["doc_id"])),
            "task": task,
            "target": sample["target"],
            "said": _said(sample["filtered_resps"]),
            **({"reply": reply} if isinstance(reply := sample["resps"][0][0], str) else {}),
            **{f"{metric}{suffix}": sample[metric] for metric in sample["metrics"]},
        }


def _said(responses: list) -> Any:
    """Return the log-probability of each choice in nats, or the text that was taken from the reply."""
    said = [round(each[0], 4) if isinstance(each, tuple | list) else each for each in responses]
    return said[0] if len(said) == 1 else said
