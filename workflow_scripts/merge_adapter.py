"""Merge the last stage's adapter into the base model."""

import argparse
import itertools
from pathlib import Path

from workflow_scripts.lib import jsonl, logs, merging, model_loading, runtime
from workflow_scripts.lib.chat_template import with_system_prompt
from workflow_scripts.lib.config.export import Merged
from workflow_scripts.lib.config.fields import Section, Text, optional

COMPARED_DIALOGUES = 8  # enough to see a wrong merge, few enough to take a second


class MergeConfig(Section):
    merged: Merged
    system_prompt: optional(Text)


def main(argv: list[str] | None = None) -> None:
    logs.start()
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--config", required=True, help="JSON: merged, system_prompt")
    parser.add_argument("--base", type=Path, required=True, help="folder of the base model")
    parser.add_argument("--adapter", type=Path, required=True, help="folder of the adapter")
    parser.add_argument("--rows", type=Path, required=True, help="JSON Lines of dialogues to compare on")
    parser.add_argument("--output", type=Path, required=True, help="folder of the merged model")
    parser.add_argument("--parity", type=Path, required=True, help="JSON of the comparison")
    args = parser.parse_args(argv)
    runtime.use_threads()
    config = MergeConfig.model_validate_json(args.config)
    rows = itertools.islice(jsonl.read_rows(args.rows), COMPARED_DIALOGUES)
    dialogues = [with_system_prompt(row["messages"], config.system_prompt) for row in rows]
    tokenizer = model_loading.load_tokenizer(args.base)
    parity = merging.merge(args.base, args.adapter, tokenizer, args.output, config.merged, dialogues)
    jsonl.write_json(args.parity, parity)


if __name__ == "__main__":
    main()
