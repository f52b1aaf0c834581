"""Tokens of a source put together from those of its shards."""

from collections.abc import Iterator
from pathlib import Path

import polars as pl

from workflow_scripts.lib.cleaning.token_counts import COUNTED, SAMPLE, TokenLimits, is_open


def joined_tokens(parts: list[Path], measures: Path, limits: TokenLimits) -> Iterator[pl.DataFrame]:
    """Yield the lines of the shards, in order, sampled as the source would be as a whole.

    Each shard has sampled as many rows as the source needs, so those of the source are among them; the others are
    taken for not counted, where nothing but the sample asked for it.

    Args:
        parts: Tokens of each shard.
        measures: Measures of the source.
        limits: Those that the shards were counted for.
    """
    sampled = pl.concat([_sampled(part, start, measures) for part, start in _starts(parts)])
    sampled = sampled.sort("hash", maintain_order=True).head(SAMPLE).select("row")
    for part, start in _starts(parts):
        rows = pl.read_parquet(part).with_row_index("row", start)
        rows = rows.with_columns(is_sampled=pl.col("row").is_in(sampled["row"].implode())).drop("row")
        asked = is_open(limits) | pl.col("is_sampled")
        yield rows.with_columns(pl.when(asked).then(name).alias(name) for name in COUNTED)


def _sampled(part: Path, start: int, measures: Path) -> pl.DataFrame:
    """Return ``row`` (of the source) and ``hash`` of a shard's sample."""
    is_sampled = pl.read_parquet(part, columns=["is_sampled"])
    hashes = pl.scan_parquet(measures).select("hash").slice(start, len(is_sampled)).collect()
    return is_sampled.hstack(hashes).with_row_index("row", start).filter("is_sampled").select("row", "hash")


def _starts(parts: list[Path]) -> Iterator[tuple[Path, int]]:
    """Yield each file and the number of lines in those before."""
    start = 0
    for part in parts:
        yield part, start
        start += pl.scan_parquet(part).select(pl.len()).collect().item()
