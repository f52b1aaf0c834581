"""Lay the base model out as transformers loads it."""

import argparse
from pathlib import Path

from workflow_scripts.lib import base_model, jsonl, logs
from workflow_scripts.lib.errors import UserError


def main(argv: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--receipt", type=Path, required=True, help="receipt of the files that were acquired")
    parser.add_argument("--chat-template", type=Path, help="Jinja file that replaces the model's own")
    parser.add_argument("--output", type=Path, required=True, help="folder to fill")
    args = parser.parse_args(argv)
    logs.start()
    base_model.prepare(_source(args.receipt), args.output, args.chat_template)


def _source(receipt: Path) -> Path:
    found = jsonl.read_json(receipt)
    files = [receipt.parent / entry["path"] for entry in found["files"]]
    gguf = [path for path in files if path.suffix == ".gguf"]
    if len(gguf) > 1:
        raise UserError(f"{len(gguf)} GGUF files", f"model.base ({found['uri']})", "name one of them")
    return gguf[0] if gguf else files[0].parent


if __name__ == "__main__":
    main()
