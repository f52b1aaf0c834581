"""How long, how Chinese, how repetitive the rows are that passed cleaning, from the stored measures."""

import math
from pathlib import Path
from typing import Any

import polars as pl

from workflow_scripts.lib.reporting.card_sums import LEDGER, scan_rows

MEASURED = ("chars", "tokens", "han_ratio", "repetition")
QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)
CLUSTER = "cluster"  # rows of one near-duplicate cluster share a value; null: near no other row
BARS = 24  # of a histogram
MANY_TURNS = 6  # and more


def measured(measures: Path, tokens: Path) -> pl.LazyFrame:
    """Return the measures of a source's rows with their tokens, of a sample: others counted are the odd ones."""
    names = ("tokens", "rejected_tokens")
    counted = pl.scan_parquet(tokens).select(pl.when("is_sampled").then(name).alias(name) for name in names)
    return pl.concat([pl.scan_parquet(measures), counted], how="horizontal")


def kept_rows(measured: pl.LazyFrame, clean_drops: Path) -> pl.LazyFrame:
    """Return the measures of the rows that passed cleaning."""
    return measured.join(scan_rows(clean_drops, LEDGER).select("id"), on="id", how="anti")


def distributions(kept: pl.LazyFrame) -> dict[str, dict[str, float]]:
    """Return minimum, quantiles, maximum and mean of each measure that was taken of any row."""
    found = {}
    for name in set_of(kept, MEASURED):
        column = pl.col(name).drop_nulls()
        wanted = [column.min().cast(pl.Float64).alias("min")]
        wanted += [column.quantile(q, "nearest").cast(pl.Float64).alias(f"p{round(q * 100)}") for q in QUANTILES]
        wanted += [column.max().cast(pl.Float64).alias("max"), column.mean().alias("mean")]
        values = kept.select(wanted).collect().row(0, named=True)
        if values["min"] is not None:
            found[name] = {label: round(value, 4) for label, value in values.items()}
    return found


def set_of(rows: pl.LazyFrame, names: tuple[str, ...]) -> list[str]:
    present = rows.collect_schema().names()
    return [name for name in names if name in present]


def histogram(kept: pl.LazyFrame) -> dict[str, Any] | None:
    """Return how many rows have which length, in tokens if all were counted, else in characters; None without rows.

    Bars are of one width, a round number, up to the length that one row in two hundred exceeds; the last bar has those.
    """
    sums = kept.select(pl.len().alias("rows"), pl.col("tokens").count().alias("counted")).collect().row(0, named=True)
    if not sums["rows"]:
        return None
    measure = "tokens" if sums["counted"] == sums["rows"] else "chars"
    low, high = (
        kept.select(pl.col(measure).min().alias("low"), pl.col(measure).quantile(0.995, "nearest").alias("high"))
        .collect()
        .row(0)
    )
    width = _round_width((high - low + 1) / BARS)
    first = math.floor(low / width)
    number = math.floor(high / width) - first + 1
    bar = (pl.col(measure) // width - first).clip(0, number - 1).cast(pl.Int64).alias("bar")
    counts = dict(kept.group_by(bar).agg(pl.len()).collect().iter_rows())
    edges = [float((first + position) * width) for position in range(number + 1)]
    return {"measure": measure, "edges": edges, "counts": [counts.get(position, 0) for position in range(number)]}


def _round_width(least: float) -> int:
    """Return the least of 1, 2, 5, 10, 20, … that is not below."""
    power = 10 ** max(0, math.floor(math.log10(max(least, 1))))
    return next(power * factor for factor in (1, 2, 5, 10) if power * factor >= least)


def counts(kept: pl.LazyFrame, column: str) -> dict[str, int]:
    """Count the rows by language or by turns; the many-turned ones together."""
    value = pl.col(column)
    if column == "turns":
        value = (
            pl.when(value >= MANY_TURNS).then(pl.lit(f"{MANY_TURNS}+")).otherwise(value.cast(pl.String)).alias(column)
        )
    found = kept.group_by(value).agg(pl.len()).collect().iter_rows()
    return dict(sorted((str(name), number) for name, number in found))


def clusters(links: Path) -> dict[str, int]:
    """Return near-duplicate clusters of a source before cleaning: how many, of how many rows, and the largest one."""
    sizes = (
        pl.scan_parquet(links)
        .drop_nulls(CLUSTER)
        .group_by(CLUSTER)
        .agg(pl.len().alias("size"))
        .filter(pl.col("size") > 1)
    )
    number, members, largest = (
        sizes.select(pl.len(), pl.col("size").sum(), pl.col("size").max().fill_null(0).alias("largest"))
        .collect()
        .row(0)
    )
    return {"clusters": number, "rows": members, "largest": largest}


def tokens_of(split: Path, measured: list[pl.LazyFrame]) -> dict[str, Any] | None:
    """Return the tokens of the rows of one split, both answers of a pair counted; None if none were counted.

    A row whose tokens nobody counted (its length left no doubt about the bounds) has those of the others by character.
    """
    ids = scan_rows(split, {"id": pl.String})
    tokens, chars = pl.col("tokens"), pl.col("chars")
    if "rejected_tokens" in measured[0].collect_schema().names():
        tokens, chars = (
            own + pl.col(f"rejected_{name}").fill_null(0) for own, name in ((tokens, "tokens"), (chars, "chars"))
        )
    rows = (
        pl.concat([source.select("id", tokens.alias("t"), chars.alias("c")) for source in measured])
        .join(ids, on="id", how="semi")
        .select("t", "c")
        .collect()
    )
    counted = rows.drop_nulls("t")
    if not counted.height:
        return None
    per_char = counted["t"].sum() / max(1, counted["c"].sum())
    whole = rows["t"].cast(pl.Float64).fill_null(rows["c"] * per_char)
    return {
        "total": round(whole.sum()),
        "estimated_rows": rows.height - counted.height,
        "p50": round(whole.quantile(0.5, "nearest"), 1),
        "p95": round(whole.quantile(0.95, "nearest"), 1),
        "max": round(whole.max(), 1),
    }
