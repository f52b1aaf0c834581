"""Find the standard rows of one source that hold texts of an evaluation."""

import argparse
import itertools
import logging
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa

from workflow_scripts.lib import logs
from workflow_scripts.lib.dedup.contamination import SCHEMA, Contamination, index, overlaps, texts_of, texts_of_rows
from workflow_scripts.lib.errors import UserError
from workflow_scripts.lib.evaluation_files import is_table
from workflow_scripts.lib.jsonl import read_rows
from workflow_scripts.lib.readers.files import read_file
from workflow_scripts.lib.tables import atomic_parquet, joined

log = logging.getLogger(__name__)


def main(argv: list[str] | None = None) -> None:
    logs.start()
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--config", type=Contamination.model_validate_json, required=True)
    parser.add_argument("--rows", type=Path, required=True)
    parser.add_argument("--evaluation-rows", type=Path, nargs="*", required=True, help="standard rows")
    parser.add_argument("--evaluation-files", type=Path, nargs="*", required=True, help="in any shape")
    parser.add_argument("--parts", type=Path, nargs="*", required=True, help="made of its shards, in order, if any")
    parser.add_argument("--overlaps", type=Path, required=True)
    args = parser.parse_args(argv)

    num_found = 0
    with atomic_parquet(args.overlaps, SCHEMA) as writer:
        for lines in joined(args.parts) if args.parts else _overlaps(args):
            writer.write(lines)
            num_found += lines.num_rows
    log.info("%s: %d rows share words with evaluation texts", args.rows.stem, num_found)


def _overlaps(args: argparse.Namespace) -> Iterator[pa.Table]:
    rows = (row for path in args.evaluation_rows for row in read_rows(path))
    texts = itertools.chain(texts_of_rows(rows), _texts_of_files(args.evaluation_files))
    known = index(texts, args.config.ngram)
    log.info("%s: compared with %d evaluation texts", args.rows.stem, len(known.names))
    return overlaps(read_rows(args.rows), known, args.config.ngram)


def _texts_of_files(paths: list[Path]) -> Iterator[tuple[str, str]]:
    for path in paths:
        for record in read_file(path, encoding=None):
            if record.member and not is_table(record.member):
                continue
            if record.problem:  # an evaluation text that is not looked for must not go unnoticed
                raise UserError(
                    f"{record.problem} (record {record.row})",
                    str(path),
                    "mend the file, or take it out of data_raw/eval/",
                )
            yield from texts_of(record.place(f"{path.parent.name}/{path.name}"), record.value)


if __name__ == "__main__":
    main()
