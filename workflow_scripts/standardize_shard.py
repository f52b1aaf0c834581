"""Turn one shard of a source into canonical rows, and a ledger of those that are none."""

import argparse
from pathlib import Path

from workflow_scripts.lib import logs
from workflow_scripts.lib.adapters.standard_files import EditedStandardization, StandardFiles, write
from workflow_scripts.lib.jsonl import read_json
from workflow_scripts.lib.readers.pieces import Piece


def main(argv: list[str] | None = None) -> None:
    logs.start()
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--config", type=EditedStandardization.model_validate_json, required=True)
    parser.add_argument("--source", required=True, help="name of the source")
    parser.add_argument("--plan", type=Path, required=True, help="as divide_source writes it")
    parser.add_argument("--number", type=int, required=True, help="of the shard, from 1")
    parser.add_argument("--rows", type=Path, required=True)
    parser.add_argument("--drops", type=Path, required=True)
    parser.add_argument("--sums", type=Path, required=True, help="records in, rows out, dropped by reason")
    args = parser.parse_args(argv)

    pieces = [Piece(**piece) for piece in read_json(args.plan)["shards"][args.number - 1]]
    for piece in pieces:
        piece.check()
    write(StandardFiles(args.rows, args.drops, args.sums), args.source, pieces, args.config, is_all=False)


if __name__ == "__main__":
    main()
