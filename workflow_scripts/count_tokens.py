"""Bound the tokens of one source's rows, and count them where the bounds leave it open if a row is kept."""

import argparse
import logging
from pathlib import Path

from workflow_scripts.lib import logs
from workflow_scripts.lib.cleaning.token_bounds import token_bounds
from workflow_scripts.lib.cleaning.token_counts import TokenLimits, bounded, counted, counter, is_open
from workflow_scripts.lib.jsonl import read_json

log = logging.getLogger(__name__)


def main(argv: list[str] | None = None) -> None:
    logs.start()
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--config", type=TokenLimits.model_validate_json, required=True)
    parser.add_argument("--rows", type=Path, required=True)
    parser.add_argument("--measures", type=Path, required=True, help="of the same rows, in the same order")
    parser.add_argument("--tokenizer", type=Path, required=True, help="tokenizer.json")
    parser.add_argument("--tokens", type=Path, required=True)
    args = parser.parse_args(argv)

    bounds = token_bounds(read_json(args.tokenizer))
    if bounds is None:
        log.info("this tokenizer proves no bounds: all rows are tokenized")
    rows = bounded(args.measures, bounds)
    wanted = rows.select(is_open(args.config)).to_series()
    rows = rows.hstack(counted(args.rows, wanted | rows["is_sampled"], counter(args.tokenizer)))
    part = args.tokens.with_name(args.tokens.name + ".part")
    rows.write_parquet(part, compression="zstd")
    part.replace(args.tokens)
    log.info("%s: %d of %d rows are open", args.rows.stem, wanted.sum(), len(rows))


if __name__ == "__main__":
    main()
