"""Fetch the files of one URI into the cache."""

import argparse
from pathlib import Path

from workflow_scripts.lib import logs
from workflow_scripts.lib.jsonl import write_json
from workflow_scripts.lib.sources.fetching import fetch

REPOSITORY = Path(__file__).resolve().parents[1]


def main(argv: list[str] | None = None) -> None:
    logs.start()
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--uri", required=True, help="pypi://, npm:// or file://")
    parser.add_argument("--revision", required=True, help="branch, tag or commit; empty for none")
    parser.add_argument("--receipt", type=Path, required=True, help="written last, beside the files")
    args = parser.parse_args(argv)

    write_json(args.receipt, fetch(args.uri, args.revision or None, args.receipt.parent, REPOSITORY))


if __name__ == "__main__":
    main()
