"""Fetch the files of one URI into the cache."""

import argparse
from pathlib import Path

from workflow_scripts.lib import logs
from workflow_scripts.lib.config.fields import Section, Text
from workflow_scripts.lib.errors import UserError
from workflow_scripts.lib.execution import execution
from workflow_scripts.lib.jsonl import write_json
from workflow_scripts.lib.sources.fetching import fetch

REPOSITORY = Path(__file__).resolve().parents[1]


class Origin(Section):
    """A URI, and the branch, tag or commit where it is one of a hub and names none itself."""

    uri: Text
    revision: str | None


def main(argv: list[str] | None = None) -> None:
    logs.start()
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--config", type=Origin.model_validate_json, required=True)
    parser.add_argument("--receipt", type=Path, required=True, help="written last, beside the files")
    args = parser.parse_args(argv)

    try:
        found = fetch(args.config.uri, args.config.revision or None, args.receipt.parent, REPOSITORY)
    except UserError as error:
        instead = execution().get("fallbacks", {}).get(args.config.uri)
        if not instead:
            raise
        others = " or ".join(f"'model={{base: \"{uri}\"}}'" for uri in instead)
        change = f"{error.change}; or train another base (and say its model.license): --config {others}"
        raise UserError(error.what, error.where, change) from error
    write_json(args.receipt, found)


if __name__ == "__main__":
    main()
