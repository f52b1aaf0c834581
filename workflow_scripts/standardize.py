"""Turn the raw files of one source into canonical rows, and a ledger of those that are none."""

import argparse
from pathlib import Path

from workflow_scripts.lib import logs
from workflow_scripts.lib.adapters.standard_files import EditedStandardization, StandardFiles, gather, write
from workflow_scripts.lib.readers.pieces import whole
from workflow_scripts.lib.sources.receipts import is_receipt, verified_files


def main(argv: list[str] | None = None) -> None:
    logs.start()
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--config", type=EditedStandardization.model_validate_json, required=True)
    parser.add_argument("--source", required=True, help="name of the source")
    parser.add_argument("--raw", type=Path, nargs="+", required=True, help="raw files, or the receipt of fetched ones")
    parser.add_argument("--part-rows", type=Path, nargs="*", required=True, help="made of its shards, in order, if any")
    parser.add_argument("--part-drops", type=Path, nargs="*", required=True, help="likewise")
    parser.add_argument("--part-sums", type=Path, nargs="*", required=True, help="likewise")
    parser.add_argument("--rows", type=Path, required=True)
    parser.add_argument("--drops", type=Path, required=True)
    parser.add_argument("--sums", type=Path, required=True, help="records in, rows out, dropped by reason")
    args = parser.parse_args(argv)

    files = StandardFiles(args.rows, args.drops, args.sums)
    if args.part_rows:
        parts = zip(args.part_rows, args.part_drops, args.part_sums, strict=True)
        gather(files, args.source, [StandardFiles(*part) for part in parts])
    else:
        raw = verified_files(args.raw[0]) if is_receipt(args.raw) else args.raw
        write(files, args.source, whole(raw), args.config, is_all=True)


if __name__ == "__main__":
    main()
