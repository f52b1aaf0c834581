"""Turn the raw files of one source into canonical rows, and a ledger of those that are none."""

import argparse
import logging
from pathlib import Path

from workflow_scripts.lib import logs
from workflow_scripts.lib.adapters.standardizing import Standardization, standardize
from workflow_scripts.lib.cleaning.edits import Edits, edited
from workflow_scripts.lib.jsonl import atomic_writer, dumps
from workflow_scripts.lib.records import Drop
from workflow_scripts.lib.sources.receipts import is_receipt, verified_files

log = logging.getLogger(__name__)


class EditedStandardization(Standardization):
    edits: Edits


def main(argv: list[str] | None = None) -> None:
    logs.start()
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--config", type=EditedStandardization.model_validate_json, required=True)
    parser.add_argument("--source", required=True, help="name of the source")
    parser.add_argument("--raw", type=Path, nargs="+", required=True, help="raw files, or the receipt of fetched ones")
    parser.add_argument("--rows", type=Path, required=True)
    parser.add_argument("--drops", type=Path, required=True)
    args = parser.parse_args(argv)

    files = verified_files(args.raw[0]) if is_receipt(args.raw) else args.raw
    num_rows = num_drops = num_edited = 0
    with atomic_writer(args.rows) as rows, atomic_writer(args.drops) as drops:
        for result in standardize(args.source, files, args.config):
            if isinstance(result, Drop):
                drops.write(dumps(result.line("standardize")) + "\n")
                num_drops += 1
            else:
                row = edited(result, args.config.edits)
                rows.write(dumps(row) + "\n")
                num_rows += 1
                num_edited += row is not result
    log.info("%s: %d rows, %d of them edited, %d dropped", args.source, num_rows, num_edited, num_drops)


if __name__ == "__main__":
    main()
