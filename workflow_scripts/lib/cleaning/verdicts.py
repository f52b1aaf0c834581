"""Which rows of a source go, and why. Decided from the measures alone, in one pass over their columns."""

from fractions import Fraction
from pathlib import Path

import polars as pl

from workflow_scripts.lib.cleaning.bounds import Bounds
from workflow_scripts.lib.cleaning.filters import rules


def measured_rows(measures: Path, tokens: Path) -> pl.LazyFrame:
    """Return the columns of both files, side by side, and ``row`` (0-based)."""
    columns = [pl.scan_parquet(measures, row_index_name="row"), pl.scan_parquet(tokens)]
    return pl.concat(columns, how="horizontal")


def dropped_rows(columns: pl.LazyFrame, bounds: Bounds) -> pl.DataFrame:
    """Return ``row`` (0-based), ``id``, ``reason``, ``detail`` of the rows that are dropped, in file order.

    First the filters, then exact duplicates among the rows that pass them: the first one stays, and the detail of
    the others names it. Last the surplus of English rows.
    """
    dropped = _failing(columns, bounds)
    dropped = pl.concat([dropped, _duplicates(columns, dropped)])
    if bounds.max_english_ratio is not None:
        dropped = pl.concat([dropped, _surplus_english(columns, dropped, bounds.max_english_ratio)])
    return dropped.sort("row")


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


def _surplus_english(columns: pl.LazyFrame, dropped: pl.DataFrame, ratio: float) -> pl.DataFrame:
    """Drop English rows until they are no more than their share of what is left; the lowest hashes stay.

    A content's hash is as good as a draw, and an added row pushes out at most one other.
    """
    kept = columns.select("row", "id", "lang", "hash").join(dropped.lazy().select("row"), on="row", how="anti")
    is_english = pl.col("lang") == "en"
    num_others, num_english = kept.select((~is_english).sum(), is_english.sum().alias("en")).collect().row(0)
    exact = Fraction(str(ratio))
    allowed = num_english if exact == 1 else int(num_others * exact / (1 - exact))
    return (
        kept.filter(is_english)
        .filter(pl.col("hash").rank("ordinal") > allowed)
        .select(
            "row",
            "id",
            pl.lit("too_much_english").alias("reason"),
            pl.lit(f"{num_english} English rows beside {num_others} others, {allowed} allowed").alias("detail"),
        )
        .collect()
    )
