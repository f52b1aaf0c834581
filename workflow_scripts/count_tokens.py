"""Bound the tokens of one source's rows, and count them where the bounds leave it open if a row is kept."""

import argparse
import logging
from pathlib import Path

import polars as pl

from workflow_scripts.lib import logs
from workflow_scripts.lib.cleaning.token_bounds import token_bounds
from workflow_scripts.lib.cleaning.token_counts import SCHEMA, TokenLimits, bounded, counted, counter, is_open
from workflow_scripts.lib.cleaning.token_parts import joined_tokens
from workflow_scripts.lib.jsonl import read_json
from workflow_scripts.lib.tables import atomic_parquet

log = logging.getLogger(__name__)


def main(argv: list[str] | None = None) -> None:
    logs.start()
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--config", type=TokenLimits.model_validate_json, required=True)
    parser.add_argument("--rows", type=Path, required=True)
    parser.add_argument("--measures", type=Path, required=True, help="of the same rows, in the same order")
    parser.add_argument("--tokenizer", type=Path, required=True, help="tokenizer.json")
    parser.add_argument("--parts", type=Path, nargs="*", required=True, help="made of its shards, in order, if any")
    parser.add_argument("--tokens", type=Path, required=True)
    args = parser.parse_args(argv)

    num_rows = num_open = 0
    with atomic_parquet(args.tokens, SCHEMA.to_frame().to_arrow().schema) as writer:
        for tokens in joined_tokens(args.parts, args.measures, args.config) if args.parts else [_tokens(args)]:
            writer.write(tokens.to_arrow())
            num_rows += len(tokens)
            num_open += tokens.select(is_open(args.config)).to_series().sum()
    log.info("%s: %d of %d rows are open", args.rows.stem, num_open, num_rows)


def _tokens(args: argparse.Namespace) -> pl.DataFrame:
    bounds = token_bounds(read_json(args.tokenizer))
    if bounds is None:
        log.info("this tokenizer proves no bounds: all rows are tokenized")
    rows = bounded(args.measures, bounds)
    wanted = rows.select(is_open(args.config)).to_series()
    return rows.hstack(counted(args.rows, wanted | rows["is_sampled"], counter(args.tokenizer)))


if __name__ == "__main__":
    main()
