"""Measure how often a stage judges legal cases right, under original and changed statutes."""

import argparse
from pathlib import Path

from workflow_scripts.lib import jsonl, logs, runtime
from workflow_scripts.lib.evaluation.judgement import JudgementConfig, evaluate_judgement
from workflow_scripts.lib.evaluation.stage import load_stage


def main(argv: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--config", required=True, help="JSON: seed, model, eval, generation")
    parser.add_argument("--base", type=Path, required=True, help="folder of the base model")
    parser.add_argument("--adapter", type=Path, help="folder of the stage's adapter; without it, the base is judged")
    parser.add_argument("--rows", type=Path, nargs="+", required=True, help="standard rows of evaluation sources")
    parser.add_argument("--result", type=Path, required=True, help="JSON to write")
    args = parser.parse_args(argv)
    logs.start()
    runtime.use_threads()
    config = JudgementConfig.model_validate_json(args.config)
    model, tokenizer = load_stage(args.base, args.adapter, config.model)
    rows = (row for path in args.rows for row in jsonl.read_rows(path))
    jsonl.write_json(args.result, evaluate_judgement(model, tokenizer, rows, config))


if __name__ == "__main__":
    main()
