"""Write the model card of an adapter or of the merged model, after evaluation."""

import argparse
from pathlib import Path

from workflow_scripts.lib import logs
from workflow_scripts.lib.jsonl import atomic_writer, read_json
from workflow_scripts.lib.reporting.model_card import ModelCardConfig, page


def main(argv: list[str] | None = None) -> None:
    logs.start()
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--config", required=True, help="JSON: recipe, seed, folder, stage, model, sft, align")
    parser.add_argument("--report", type=Path, required=True, help="report.json")
    parser.add_argument("--card", type=Path, required=True, help="the data card's JSON")
    parser.add_argument("--readme", type=Path, required=True, help="Markdown to write")
    args = parser.parse_args(argv)
    config = ModelCardConfig.model_validate_json(args.config)
    with atomic_writer(args.readme) as stream:
        stream.write(page(config, read_json(args.report), read_json(args.card)))


if __name__ == "__main__":
    main()
