"""Run tasks of lm-evaluation-harness on a loaded model and say how anyone gets the same figures from it."""

import shlex
from collections.abc import Iterator
from typing import Any

import lm_eval
from lm_eval.tasks import TaskManager

from workflow_scripts.lib.config.fields import Count, CountOrZero, Section, Text, optional
from workflow_scripts.lib.config.training import Model
from workflow_scripts.lib.errors import UserError
from workflow_scripts.lib.evaluation.shared_context_lm import SharedContextLM
from workflow_scripts.lib.evaluation.stage import model_settings

VERSION = lm_eval.__version__
UNQUANTIZED = "on the base as it is; the figure was measured on it in {}, expect a small difference"
FIRST_CHOICE = ("acc", "exact_match")  # the metric that stands for a task that reports several


class HarnessEval(Section):
    tasks: list[Text]
    limit: optional(Count)
    num_fewshot: optional(CountOrZero)
    batch_size: Count


class HarnessConfig(Section):
    model: Model
    eval: HarnessEval


def evaluate_tasks(
    model: Any, tokenizer: Any, tasks: list[str], local: dict[str, dict], config: HarnessConfig, cache: str
) -> dict[str, dict]:
    """Return one result a task.

    Args:
        tasks: Names known to the harness, or keys of ``local``.
        local: Definitions of tasks that are files of this workflow.
        cache: Folder for the converted rows of local tasks. Must be new: ``datasets`` recognizes a file by name and
            time of change only, and would serve an edited one from its cache.

    Raises:
        UserError: If the harness knows no task of a name.
    """
    manager = TaskManager(include_defaults=any(name not in local for name in tasks))  # reading 14,683 names takes long
    _check_known(manager, [name for name in tasks if name not in local])
    results = lm_eval.simple_evaluate(
        model=SharedContextLM(pretrained=model, tokenizer=tokenizer, batch_size=config.eval.batch_size),
        tasks=[_with_cache(local[name], cache) if name in local else name for name in tasks],
        num_fewshot=config.eval.num_fewshot,
        limit=config.eval.limit,
        apply_chat_template=True,
        system_instruction=config.model.system_prompt,
        task_manager=manager,
    )
    return {name: _result(name, results, config) for name in tasks}


def command(name: str, base: str, adapter: str | None, task_folder: str | None, config: HarnessConfig) -> str:
    """Return the stock command that gives the same figures, to be run in the same folder.

    Args:
        base: Folder of the base model.
        adapter: Folder of the stage's adapter, if it has one.
        task_folder: Folder of the task's file if it is a local one.
    """
    model = config.model
    arguments = [f"pretrained={base}", f"dtype={model.dtype}", f"attn_implementation={model.attention}"]
    arguments += [f"peft={adapter}"] if adapter else []
    words = ["lm-eval", "run", "--model", "hf", "--model_args", ",".join(arguments), "--tasks", name]
    words += ["--include_path", task_folder] if task_folder else []
    words += ["--batch_size", str(config.eval.batch_size), "--apply_chat_template"]
    words += ["--system_instruction", model.system_prompt] if model.system_prompt else []
    words += ["--limit", str(config.eval.limit)] if config.eval.limit is not None else []
    words += ["--num_fewshot", str(config.eval.num_fewshot)] if config.eval.num_fewshot is not None else []
    if model.quantization == "none":
        return shlex.join(words)
    # transformers 5 takes no load_in_4bit any more, and lm-eval 0.4.13 has no other way to say it
    return f"{shlex.join(words)}  # {UNQUANTIZED.format(model.quantization)}"


def _check_known(manager: TaskManager, names: list[str]) -> None:
    for name in names:
        if name not in manager.all_tasks:
            raise UserError(
                f"unknown task {name!r}", "eval.tasks", "choose one that `lm-eval ls tasks` lists, or a local one"
            )


def _with_cache(definition: dict, cache: str) -> dict:
    return {**definition, "dataset_kwargs": {**definition["dataset_kwargs"], "cache_dir": cache}}


def _result(name: str, results: dict, config: HarnessConfig) -> dict:
    leaves = _leaves(name, results)
    metrics = _metrics(results["results"][name])
    main = next((metric for metric in FIRST_CHOICE if metric in metrics), next(iter(metrics)))
    return {
        "task": name,
        "metric": main,
        "value": metrics[main]["value"],
        "stderr": metrics[main]["stderr"],
        "n": sum(results["n-samples"][leaf]["effective"] for leaf in leaves),
        "metrics": metrics,
        "lm_eval_version": VERSION,
        "settings": {
            **config.eval.model_dump(include={"limit", "num_fewshot", "batch_size"}),
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
            **{f"{metric}{suffix}": sample[metric] for metric in sample["metrics"]},
        }
