"""Take the objects of one URI, which the engine has fetched from an object store, into the cache."""

import argparse
from pathlib import Path

from workflow_scripts.lib import logs
from workflow_scripts.lib.config.fields import Section, Text
from workflow_scripts.lib.jsonl import write_json
from workflow_scripts.lib.sources.taking import take
from workflow_scripts.lib.sources.uris import parse


class Objects(Section):
    """A URI, and what the store listed for it when the run was planned."""

    uri: Text
    objects: Text
    version: Text


def main(argv: list[str] | None = None) -> None:
    logs.start()
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--config", type=Objects.model_validate_json, required=True)
    parser.add_argument("--first", type=Path, required=True, help="local copy of the first object")
    parser.add_argument("--receipt", type=Path, required=True, help="written last, beside the files")
    args = parser.parse_args(argv)

    write_json(args.receipt, take(parse(args.config.uri), args.config.version, args.first, args.receipt.parent))


if __name__ == "__main__":
    main()
