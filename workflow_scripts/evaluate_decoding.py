"""Compare settings of generation by how different and how repetitive a stage's replies are."""

import argparse
from pathlib import Path

from workflow_scripts.lib import jsonl, logs, runtime
from workflow_scripts.lib.evaluation.decoding import DecodingConfig, evaluate_decoding
from workflow_scripts.lib.evaluation.stage import load_stage


def main(argv: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--config", required=True, help="JSON: seed, model, eval")
    parser.add_argument("--base", type=Path, required=True, help="folder of the base model")
    parser.add_argument("--adapter", type=Path, help="folder of the stage's adapter; without it, the base is judged")
    parser.add_argument("--rows", type=Path, required=True, help="test split of the dialogues")
    parser.add_argument("--result", type=Path, required=True, help="JSON to write")
    args = parser.parse_args(argv)
    logs.start()
    runtime.use_threads()
    config = DecodingConfig.model_validate_json(args.config)
    model, tokenizer = load_stage(args.base, args.adapter, config.model)
    jsonl.write_json(args.result, evaluate_decoding(model, tokenizer, jsonl.read_rows(args.rows), config))


if __name__ == "__main__":
    main()
