"""Run the harness tasks of one stage: the stale ones, in one process; the others are restored."""

import argparse
import json
import logging
import tempfile
from pathlib import Path

import yaml

from workflow_scripts.lib import jsonl, logs, runtime
from workflow_scripts.lib.evaluation import harness, result_store
from workflow_scripts.lib.evaluation.harness_command import command
from workflow_scripts.lib.evaluation.stage import load_stage
from workflow_scripts.lib.evaluation.tasks import registry

log = logging.getLogger(__name__)


def main(argv: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--config", required=True, help="JSON: model, eval.{tasks, limit, num_fewshot, …, batch_size}")
    parser.add_argument("--code", required=True, help="digest of the code that the results come from")
    parser.add_argument("--base", type=Path, required=True, help="folder of the base model")
    parser.add_argument("--adapter", type=Path, help="folder of the stage's adapter; without it, the base is judged")
    parser.add_argument("--model-digest", required=True, help="digest of the stage's weights")
    parser.add_argument("--task-folder", type=Path, required=True, help="where the local tasks' files are")
    parser.add_argument("--task-data", type=Path, nargs="*", required=True, help="manifests of people's own files")
    parser.add_argument("--result-folder", type=Path, required=True, help="where <task>.json are written")
    parser.add_argument("--store", type=Path, required=True, help="where results are kept for later")
    args = parser.parse_args(argv)
    logs.start()
    runtime.use_threads()
    config = harness.HarnessConfig.model_validate_json(args.config)

    stale, keys = [], {}
    for name in config.eval.tasks:
        task, contents = _task(name, args, config.eval)
        seen = [task.limit, task.num_fewshot, task.subsets, config.eval.batch_size, config.model.model_dump()]
        places = [str(args.base), str(args.adapter), str(args.task_folder)]
        keys[name] = result_store.key(
            harness.VERSION, args.code, args.model_digest, json.dumps(seen), *places, *contents
        )
        result = result_store.restore(args.store, keys[name])
        if result is None:
            stale.append(task)
        else:
            log.info("%s: restored", name)
            jsonl.write_json(args.result_folder / f"{name}.json", result)
    if not stale:
        return
    model, tokenizer = load_stage(args.base, args.adapter, config.model)
    with tempfile.TemporaryDirectory() as cache:
        for task, result in harness.evaluate_tasks(model, tokenizer, stale, config, cache):
            members = list(result["subsets"]) if task.subsets else [task.name]
            stock = command(task, members, args.base, args.adapter, args.task_folder, config)
            result = {**result, "command": stock}
            result_store.keep(args.store, keys[task.name], result)
            jsonl.write_json(args.result_folder / f"{task.name}.json", result)
            log.info("%s: %s %.4f on %d documents", task.name, result["metric"], result["value"], result["n"])


def _task(name: str, args: argparse.Namespace, config: harness.HarnessEval) -> tuple[harness.Task, list[str]]:
    """Return a task, and what its files say."""
    if name in registry.MODULES:
        contents = [(args.task_folder / f"{name}{end}").read_text(encoding="utf-8") for end in (".yaml", ".jsonl")]
        return harness.task_of(name, config, local=yaml.safe_load(contents[0])), contents
    for manifest in args.task_data:
        if manifest.parent.name == name:
            content = manifest.read_text(encoding="utf-8")
            return harness.task_of(name, config, manifest=json.loads(content), data=manifest.parent), [content]
    return harness.task_of(name, config), []


if __name__ == "__main__":
    main()
