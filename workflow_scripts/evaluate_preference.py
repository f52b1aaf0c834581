"""Measure how often a stage prefers the chosen reply of held-out pairs."""

import argparse
from pathlib import Path

from workflow_scripts.lib import jsonl, logs, processes
from workflow_scripts.lib.evaluation.preference import PreferenceConfig, evaluate_preference
from workflow_scripts.lib.evaluation.stage import load_stage


def main(argv: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--config", required=True, help="JSON: model, eval.{batch_size, preference}, max_length")
    parser.add_argument("--base", type=Path, required=True, help="folder of the base model")
    parser.add_argument("--adapter", type=Path, help="folder of the stage's adapter; without it, the base is judged")
    parser.add_argument("--pairs", type=Path, required=True, help="test split of the preference pairs")
    parser.add_argument("--result", type=Path, required=True, help="JSON to write")
    args = parser.parse_args(argv)
    logs.start()
    state = processes.join()
    config = PreferenceConfig.model_validate_json(args.config)
    model, tokenizer = load_stage(args.base, args.adapter, config.model)
    result = evaluate_preference(model, tokenizer, jsonl.read_rows(args.pairs), config)
    if state.is_main_process:
        jsonl.write_json(args.result, result)


if __name__ == "__main__":
    main()
