"""Let a stage answer the panel's prompts."""

import argparse
from pathlib import Path

from workflow_scripts.lib import jsonl, logs, runtime
from workflow_scripts.lib.evaluation.panel import PanelConfig, check_prompts, evaluate_panel
from workflow_scripts.lib.evaluation.stage import load_stage


def main(argv: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--config", required=True, help="JSON: seed, model, eval, generation")
    parser.add_argument("--base", type=Path, required=True, help="folder of the base model")
    parser.add_argument("--adapter", type=Path, help="folder of the stage's adapter; without it, the base answers")
    parser.add_argument("--prompts", type=Path, required=True, help="JSON Lines of prompts")
    parser.add_argument("--result", type=Path, required=True, help="JSON to write")
    args = parser.parse_args(argv)
    logs.start()
    runtime.use_threads()
    config = PanelConfig.model_validate_json(args.config)
    prompts, where = list(jsonl.read_rows(args.prompts)), config.eval.panel.prompts
    check_prompts(prompts, where)
    model, tokenizer = load_stage(args.base, args.adapter, config.model)
    jsonl.write_json(args.result, evaluate_panel(model, tokenizer, prompts, config, where))


if __name__ == "__main__":
    main()
