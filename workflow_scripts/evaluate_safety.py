"""Let a stage answer prompts that ask for harm and such that only sound like it, and judge the replies."""

import argparse
from pathlib import Path

from workflow_scripts.lib import jsonl, logs, runtime
from workflow_scripts.lib.errors import UserError
from workflow_scripts.lib.evaluation.refusal_layer import lists_named
from workflow_scripts.lib.evaluation.safety import SafetyConfig, evaluate_safety, own_prompts, prompts_of_source
from workflow_scripts.lib.evaluation.stage import load_stage


def main(argv: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--config", required=True, help="JSON: seed, model, eval, generation")
    parser.add_argument("--base", type=Path, required=True, help="folder of the base model")
    parser.add_argument("--adapter", type=Path, help="folder of the stage's adapter; without it, the base answers")
    parser.add_argument("--prompts", type=Path, nargs="*", required=True, help="JSON Lines of own prompts")
    parser.add_argument("--rows", type=Path, nargs="*", required=True, help="standard rows of evaluation sources")
    parser.add_argument("--blocklists", type=Path, nargs="*", required=True, help="the user's own lists")
    parser.add_argument("--result", type=Path, required=True, help="JSON to write")
    args = parser.parse_args(argv)
    logs.start()
    runtime.use_threads()
    config = SafetyConfig.model_validate_json(args.config)
    asked = config.eval.safety
    prompts = [prompt for path in args.prompts for prompt in own_prompts(jsonl.read_rows(path), asked.prompts)]
    for path in args.rows:
        prompts += prompts_of_source(jsonl.read_rows(path), asked.max_rows, config.seed)
    if not prompts:
        raise UserError(
            "there is no prompt",
            "eval.safety.prompts",
            "name a file of prompts, add a source with `use: evaluation` and the adapter red_team, or set "
            "eval.safety.enabled: false",
        )
    blocklists = lists_named(asked.blocklists, list(args.blocklists))
    model, tokenizer = load_stage(args.base, args.adapter, config.model)
    jsonl.write_json(args.result, evaluate_safety(model, tokenizer, prompts, config, blocklists))


if __name__ == "__main__":
    main()
