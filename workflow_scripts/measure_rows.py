"""Measure the standard rows of one source."""

import argparse
import logging
from collections.abc import Iterator
from pathlib import Path

import polars as pl
import pyarrow as pa

from workflow_scripts.lib import logs
from workflow_scripts.lib.cleaning.blocklists import own_blocklists, read_blocklist
from workflow_scripts.lib.cleaning.measures import SCHEMA, measure
from workflow_scripts.lib.config.fields import Count, Section, Text
from workflow_scripts.lib.tables import atomic_parquet, joined

log = logging.getLogger(__name__)


class Measuring(Section):
    repetition_ngram: Count
    blocklists: list[Text]


def main(argv: list[str] | None = None) -> None:
    logs.start()
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--config", type=Measuring.model_validate_json, required=True)
    parser.add_argument("--rows", type=Path, required=True)
    parser.add_argument("--blocklists", type=Path, nargs="*", required=True, help="files of those named in the config")
    parser.add_argument("--parts", type=Path, nargs="*", required=True, help="made of its shards, in order, if any")
    parser.add_argument("--measures", type=Path, required=True)
    args = parser.parse_args(argv)

    num_rows = 0
    with atomic_parquet(args.measures, _arrow(pl.DataFrame(schema=SCHEMA)).schema) as writer:
        for measures in joined(args.parts) if args.parts else _measures(args):
            writer.write(measures)
            num_rows += measures.num_rows
            log.info("%s: %d rows measured", args.rows.stem, num_rows)


def _measures(args: argparse.Namespace) -> Iterator[pa.Table]:
    files = zip(args.config.blocklists, args.blocklists, strict=True)
    blocklists = own_blocklists() + [read_blocklist(name, path) for name, path in files]
    return map(_arrow, measure(args.rows, args.config.repetition_ngram, blocklists))


def _arrow(frame: pl.DataFrame) -> pa.Table:
    return frame.to_arrow(compat_level=pl.CompatLevel.oldest())


if __name__ == "__main__":
    main()
