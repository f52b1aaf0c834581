"""Measure the standard rows of one source."""

import argparse
import logging
from pathlib import Path

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from workflow_scripts.lib import logs
from workflow_scripts.lib.cleaning.blocklists import own_blocklists, read_blocklist
from workflow_scripts.lib.cleaning.measures import SCHEMA, measure
from workflow_scripts.lib.config.fields import Count, Section, Text

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
    parser.add_argument("--measures", type=Path, required=True)
    args = parser.parse_args(argv)

    files = zip(args.config.blocklists, args.blocklists, strict=True)
    blocklists = own_blocklists() + [read_blocklist(name, path) for name, path in files]
    args.measures.parent.mkdir(parents=True, exist_ok=True)
    part = args.measures.with_name(args.measures.name + ".part")
    schema = _arrow(pl.DataFrame(schema=SCHEMA)).schema
    num_rows = 0
    with pq.ParquetWriter(part, schema, compression="zstd") as writer:
        for measures in measure(args.rows, args.config.repetition_ngram, blocklists):
            writer.write_table(_arrow(measures))
            num_rows += len(measures)
            log.info("%s: %d rows measured", args.rows.stem, num_rows)
    part.replace(args.measures)


def _arrow(frame: pl.DataFrame) -> pa.Table:
    return frame.to_arrow(compat_level=pl.CompatLevel.oldest())


if __name__ == "__main__":
    main()
