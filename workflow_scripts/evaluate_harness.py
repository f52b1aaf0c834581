"""Run the harness tasks of one stage: the stale ones, in one process; the others are restored."""

import argparse
import logging
import tempfile
from pathlib import Path

import yaml

from workflow_scripts.lib import jsonl, logs, runtime
from workflow_scripts.lib.evaluation import harness, result_store
from workflow_scripts.lib.evaluation.stage import load_stage
from workflow_scripts.lib.evaluation.tasks import registry

log = logging.getLogger(__name__)


def main(argv: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--config", required=True, help="JSON: model, eval.{tasks, limit, num_fewshot, batch_size}")
    parser.add_argument("--base", type=Path, required=True, help="folder of the base model")
    parser.add_argument("--adapter", type=Path, help="folder of the stage's adapter; without it, the base is judged")
    parser.add_argument("--model-digest", required=True, help="digest of the stage's weights")
    parser.add_argument("--task-folder", type=Path, required=True, help="where the local tasks' files are")
    parser.add_argument("--result-folder", type=Path, required=True, help="where <task>.json are written")
    parser.add_argument("--store", type=Path, required=True, help="where results are kept for later")
    args = parser.parse_args(argv)
    logs.start()
    runtime.use_threads()
    config = harness.HarnessConfig.model_validate_json(args.config)

    local, keys, commands, stale = {}, {}, {}, []
    for name in config.eval.tasks:
        files = [args.task_folder / f"{name}{end}" for end in (".yaml", ".jsonl")] if name in registry.MODULES else []
        if files:
            local[name] = yaml.safe_load(files[0].read_text(encoding="utf-8"))
        folder = str(args.task_folder) if files else None
        commands[name] = harness.command(name, str(args.base), args.adapter and str(args.adapter), folder, config)
        contents = [path.read_text(encoding="utf-8") for path in files]
        keys[name] = result_store.key(harness.VERSION, args.model_digest, commands[name], *contents)
        result = result_store.restore(args.store, keys[name])
        if result is None:
            stale.append(name)
        else:
            log.info("%s: restored", name)
            jsonl.write_json(args.result_folder / f"{name}.json", result)
    if not stale:
        return
    model, tokenizer = load_stage(args.base, args.adapter, config.model)
    with tempfile.TemporaryDirectory() as cache:
        results = harness.evaluate_tasks(model, tokenizer, stale, local, config, cache)
    for name, result in results.items():
        result = {**result, "command": commands[name]}
        result_store.keep(args.store, keys[name], result)
        jsonl.write_json(args.result_folder / f"{name}.json", result)
        log.info("%s: %s %.4f on %d documents", name, result["metric"], result["value"], result["n"])


if __name__ == "__main__":
    main()
