"""Let the base model reply several times to the prompts of SFT's rows."""

import argparse
from pathlib import Path

from workflow_scripts.lib import jsonl, logs, model_loading, runtime
from workflow_scripts.lib.sampling import registry
from workflow_scripts.lib.sampling.kept_replies import KeptReplies
from workflow_scripts.lib.sampling.sampling import SamplingConfig, sample
from workflow_scripts.lib.training import checkpoints


def main(argv: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--config", required=True, help="JSON: seed, model, sampling")
    parser.add_argument("--code", required=True, help="digest of the rule's code, part of the checkpoints' identity")
    parser.add_argument("--train", type=Path, required=True, help="JSON Lines of dialogues")
    parser.add_argument("--validation", type=Path, required=True, help="JSON Lines of dialogues")
    parser.add_argument("--base", type=Path, required=True, help="folder of the base model")
    parser.add_argument("--checkpoints", type=Path, required=True, help="folder to resume from")
    parser.add_argument("--replies", type=Path, required=True, help="JSON Lines to write, one line a row")
    args = parser.parse_args(argv)
    logs.start()
    runtime.use_threads()
    config = SamplingConfig.model_validate_json(args.config)
    splits = [args.train, args.validation]
    rows = [row for path in splits for row in jsonl.read_rows(path)]
    run_id = checkpoints.identity(args.config, args.code, splits, [model_loading.base_digest(args.base)])
    with checkpoints.reserved(args.checkpoints, run_id) as folder:
        kept = KeptReplies(folder / "replies.jsonl")
        engine = registry.select(config.sampling.engine).load(args.base, config)
        jsonl.write_rows(args.replies, sample(rows, engine, config, kept))


if __name__ == "__main__":
    main()
