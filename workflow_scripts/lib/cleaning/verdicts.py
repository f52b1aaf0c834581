"""Which rows of a source go, and why. Decided from the measures alone, in one pass over their columns."""

from pathlib import Path

import polars as pl

from workflow_scripts.lib.cleaning.bounds import Bounds
from workflow_scripts.lib.cleaning.filters import rules


def dropped_rows(measures: Path, bounds: Bounds) -> pl.DataFrame:
    """Return ``row`` (0-based), ``id``, ``reason``, ``detail`` of the rows that are dropped, in file order.

    First the filters, then exact duplicates among the rows that pass them: the first one stays, and the detail of
    the others names it.
    """
    columns = pl.scan_parquet(measures, row_index_name="row")
    failing = _failing(columns, bounds)
    return pl.concat([failing, _duplicates(columns, failing)]).sort("row")


def _failing(columns: pl.LazyFrame, bounds: Bounds) -> pl.DataFrame:
    asked = rules(bounds)
    reason, detail = pl.lit(None, pl.String), pl.lit(None, pl.String)
    for rule in reversed(asked):
        reason = pl.when(rule.fails).then(pl.lit(rule.reason)).otherwise(reason)
        detail = pl.when(rule.fails).then(rule.detail).otherwise(detail)
    return (
        columns.filter(pl.any_horizontal([rule.fails for rule in asked]))
        .select("row", "id", reason.alias("reason"), detail.alias("detail"))
        .collect()
    )


def _duplicates(columns: pl.LazyFrame, failing: pl.DataFrame) -> pl.DataFrame:
    # 128 of the 256 bits, as two numbers: a quarter of the memory of hexadecimal text
    high, low = (
        pl.col("hash").str.slice(start, 16).str.to_integer(base=16, dtype=pl.UInt64).alias(name)
        for name, start in (("high", 0), ("low", 16))
    )
    later = (
        columns.select("row", high, low)
        .join(failing.lazy().select("row"), on="row", how="anti")
        .with_columns(first=pl.col("row").min().over("high", "low"))
        .filter(pl.col("row") != pl.col("first"))
        .select("row", "first")
        .collect()
    )
    wanted = pl.concat([later["row"], later["first"]]).unique()
    ids = columns.select("row", "id").filter(pl.col("row").is_in(wanted.implode())).collect()
    return (
        later.join(ids, on="row")
        .join(ids.rename({"row": "first", "id": "kept"}), on="first")
        .select(
            "row", "id", pl.lit("duplicate").alias("reason"), pl.format("same contents as {}", "kept").alias("detail")
        )
    )
