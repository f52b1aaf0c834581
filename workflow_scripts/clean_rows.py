"""Keep the rows of one source that pass the bounds, each content once."""

import argparse
import logging
from pathlib import Path

import pyarrow.parquet as pq

from workflow_scripts.lib import logs
from workflow_scripts.lib.accounting import Sums
from workflow_scripts.lib.cleaning.bounds import Bounds
from workflow_scripts.lib.cleaning.verdicts import dropped_rows, measured_rows
from workflow_scripts.lib.jsonl import atomic_writer, write_json, write_rows
from workflow_scripts.lib.records import Drop

log = logging.getLogger(__name__)


def main(argv: list[str] | None = None) -> None:
    logs.start()
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--config", type=Bounds.model_validate_json, required=True, help="bounds of this source")
    parser.add_argument("--rows", type=Path, required=True)
    parser.add_argument("--measures", type=Path, required=True, help="of the same rows, in the same order")
    parser.add_argument("--tokens", type=Path, required=True, help="their tokens")
    parser.add_argument("--kept", type=Path, required=True)
    parser.add_argument("--drops", type=Path, required=True)
    parser.add_argument("--sums", type=Path, required=True, help="rows in, rows out, dropped by reason")
    args = parser.parse_args(argv)

    dropped = dropped_rows(measured_rows(args.measures, args.tokens), args.config)
    gone = set(dropped["row"].to_list())
    num_rows = num_kept = 0
    with args.rows.open("rb") as lines, atomic_writer(args.kept) as kept:
        for row, line in enumerate(lines):
            num_rows += 1
            if row not in gone:
                kept.buffer.write(line)  # its bytes, without decoding them
                num_kept += 1
    num_measured = pq.read_metadata(args.measures).num_rows
    if num_rows != num_measured:
        raise RuntimeError(f"{num_rows} rows and {num_measured} measures: they are not of the same run")
    reasons = dict(dropped["reason"].value_counts().iter_rows())
    sums = Sums("clean", "rows", num_rows, num_kept, reasons)
    sums.check(args.rows.stem)
    drops = (Drop(*values).line("clean") for values in dropped.select("id", "reason", "detail").iter_rows())
    write_rows(args.drops, drops)
    write_json(args.sums, sums.as_json())
    log.info("%s: %d of %d rows kept", args.rows.stem, num_kept, num_rows)


if __name__ == "__main__":
    main()
