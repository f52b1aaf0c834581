"""Lay the base model out as transformers loads it."""

import argparse
import json
from pathlib import Path

from workflow_scripts.lib import base_model, logs
from workflow_scripts.lib.errors import UserError
from workflow_scripts.lib.sources.receipts import verified_files


def main(argv: list[str] | None = None) -> None:
    logs.start()
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--config", required=True, help="JSON: base, the name used in messages")
    parser.add_argument("--source", type=Path, nargs="*", required=True, help="local files of the model, or")
    parser.add_argument("--receipt", type=Path, nargs="*", required=True, help="the receipt of fetched ones")
    parser.add_argument("--chat-template", type=Path, nargs="*", required=True, help="replaces the model's own")
    parser.add_argument("--output", type=Path, required=True, help="folder to fill")
    args = parser.parse_args(argv)
    files = args.source or [path for receipt in args.receipt for path in verified_files(receipt)]
    template = args.chat_template[0] if args.chat_template else None
    base_model.prepare(_source(files, json.loads(args.config)["base"]), args.output, template)


def _source(files: list[Path], name: str) -> Path:
    """Return the GGUF file among the files, or else the folder they are in."""
    gguf = [path for path in files if path.suffix == ".gguf"]
    if len(gguf) > 1:
        raise UserError(f"{len(gguf)} GGUF files", f"model.base ({name})", "name one of them")
    return gguf[0] if gguf else files[0].parent


if __name__ == "__main__":
    main()
