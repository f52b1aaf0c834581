"""Turn the raw files of one source into canonical rows, and a ledger of those that are none."""

import argparse
import logging
from pathlib import Path

from workflow_scripts.lib import logs
from workflow_scripts.lib.accounting import Counting, Written
from workflow_scripts.lib.adapters.losses import Losses
from workflow_scripts.lib.adapters.standardizing import Standardization, standardize
from workflow_scripts.lib.cleaning.edits import Edits, edited
from workflow_scripts.lib.jsonl import atomic_writer, dumps, write_json
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
    parser.add_argument("--sums", type=Path, required=True, help="records in, rows out, dropped by reason")
    args = parser.parse_args(argv)

    files = verified_files(args.raw[0]) if is_receipt(args.raw) else args.raw
    results, written = Counting(standardize(args.source, files, args.config)), Written()
    losses = Losses(args.source)
    num_edited = 0
    with atomic_writer(args.rows) as rows, atomic_writer(args.drops) as drops:
        for result in results:
            losses.add(result)
            if isinstance(result, Drop):
                line = result.line("standardize")
                drops.write(dumps(line) + "\n")
                written.ledger_line(line)
            else:
                row = edited(result, args.config.edits)
                num_edited += row is not result
                rows.write(dumps(row) + "\n")
                written.row(result["id"])
        sums = written.sums("standardize", "records", results.num_read)
        sums.check(args.source)
        losses.check()
    write_json(args.sums, sums.as_json())
    num_dropped = sum(sums.dropped.values())
    log.info("%s: %d rows, %d of them edited, %d dropped", args.source, sums.num_out, num_edited, num_dropped)


if __name__ == "__main__":
    main()
