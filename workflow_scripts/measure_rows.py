"""Measure the standard rows of one source."""

import argparse
import logging
from pathlib import Path

import pyarrow.parquet as pq
from tokenizers import Tokenizer

from workflow_scripts.lib import logs
from workflow_scripts.lib.cleaning.measures import SCHEMA, measure
from workflow_scripts.lib.config.fields import Count, Section
from workflow_scripts.lib.jsonl import read_rows

log = logging.getLogger(__name__)


class Measuring(Section):
    repetition_ngram: Count


def main(argv: list[str] | None = None) -> None:
    logs.start()
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--config", type=Measuring.model_validate_json, required=True)
    parser.add_argument("--rows", type=Path, required=True)
    parser.add_argument("--tokenizer", type=Path, required=True, help="tokenizer.json")
    parser.add_argument("--measures", type=Path, required=True)
    args = parser.parse_args(argv)

    tokenizer = Tokenizer.from_file(str(args.tokenizer))
    tokenizer.no_truncation()
    tokenizer.no_padding()

    def count_tokens(texts: list[str]) -> list[int]:
        return [len(encoding) for encoding in tokenizer.encode_batch_fast(texts, add_special_tokens=False)]

    args.measures.parent.mkdir(parents=True, exist_ok=True)
    part = args.measures.with_name(args.measures.name + ".part")
    num_rows = 0
    with pq.ParquetWriter(part, SCHEMA, compression="zstd") as writer:
        for batch in measure(read_rows(args.rows), count_tokens, args.config.repetition_ngram):
            writer.write_batch(batch)
            num_rows += batch.num_rows
            log.info("%s: %d rows measured", args.rows.stem, num_rows)
    part.replace(args.measures)


if __name__ == "__main__":
    main()
