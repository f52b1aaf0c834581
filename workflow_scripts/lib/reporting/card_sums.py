"""The sums of the data card: every raw row is in a split, in a ledger, or counted as not taken."""

from collections import Counter
from pathlib import Path
from typing import Any

import polars as pl
import pyarrow.parquet as pq

from workflow_scripts.lib.jsonl import read_json, read_rows
from workflow_scripts.lib.splitting.buckets import SPLITS

MEASURED = ("chars", "tokens", "han_ratio", "repetition")
QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)
SAMPLES = 3  # a source
NOT_TAKEN = ("over_max_rows", "over_share", "over_zh_ratio")  # counted by mix, not listed


def reasons(drops: Path) -> Counter[str]:
    """Count the lines of a ledger by reason."""
    return Counter(line["reason"] for line in read_rows(drops))


def source_steps(measures: Path, standard_drops: Path, clean_drops: Path) -> list[dict[str, Any]]:
    """Return the funnel of one source through standardize and clean."""
    num_standard = pq.read_metadata(measures).num_rows
    unread, unclean = reasons(standard_drops), reasons(clean_drops)
    return [
        _step("standardize", num_standard + unread.total(), num_standard, unread),
        _step("clean", num_standard, num_standard - unclean.total(), unclean),
    ]


def mix_steps(summary: Path, drops: Path) -> dict[str, dict[str, Any]]:
    """Return the mix step of every source of one use."""
    listed: dict[str, Counter[str]] = {}
    for line in read_rows(drops):
        listed.setdefault(line["id"].partition("/")[0], Counter())[line["reason"]] += 1
    return {
        name: _step("mix", sums["in"], sums["out"], listed.get(name, Counter()))
        | {"not_taken": {reason: sums[reason] for reason in NOT_TAKEN if sums[reason]}}
        for name, sums in read_json(summary)["sources"].items()
    }


def split_sums(files: dict[str, Path]) -> dict[str, Any]:
    """Read the split files of one use: rows by source and split, languages, derived rows, and samples of train."""
    counts: dict[str, Counter[str]] = {}
    languages: Counter[str] = Counter()
    derived = 0
    samples: dict[str, list[dict[str, Any]]] = {}
    for split in SPLITS:
        for row in read_rows(files[split]):
            source = row["source"]
            counts.setdefault(source, Counter())[split] += 1
            languages[row["lang"]] += 1
            derived += bool(row.get("meta", {}).get("derived"))
            if split == "train" and len(samples.setdefault(source, [])) < SAMPLES:
                samples[source].append(row)  # mixed in the order of a draw, so the first rows are random ones
    return {"counts": counts, "languages": languages, "derived": derived, "samples": samples}


def split_step(counts: Counter[str]) -> dict[str, Any]:
    splits = {split: counts[split] for split in SPLITS}
    return {"step": "split", "in": counts.total(), "out": counts.total(), "dropped": {}, "splits": splits}


def check_funnel(source: str, steps: list[dict[str, Any]]) -> None:
    """Check that each step takes in what the one before gave out and loses nothing unexplained.

    Raises:
        RuntimeError: If rows are missing or too many: a bug, or files of different runs.
    """
    for number, step in enumerate(steps):
        explained = step["out"] + sum(step["dropped"].values()) + sum(step.get("not_taken", {}).values())
        if step["in"] != explained:
            raise RuntimeError(f"{source}, {step['step']}: {step['in']} rows in, {explained} accounted for")
        if number and step["in"] != steps[number - 1]["out"]:
            before = steps[number - 1]
            raise RuntimeError(
                f"{source}: {before['step']} gave {before['out']} rows, {step['step']} took {step['in']}"
            )


def distributions(measures: Path, tokens: Path, clean_drops: Path) -> dict[str, dict[str, float]]:
    """Return minimum, quantiles, maximum and mean of the measures over the rows that passed cleaning.

    Tokens are those of a sample: of all rows of a small source, of some thousand of a large one.
    """
    gone = pl.LazyFrame({"id": [line["id"] for line in read_rows(clean_drops)]}, schema={"id": pl.String})
    sampled = pl.scan_parquet(tokens).select(pl.when("is_sampled").then("tokens").alias("tokens"))
    kept = pl.concat([pl.scan_parquet(measures), sampled], how="horizontal").join(gone, on="id", how="anti")
    wanted = []
    for name in MEASURED:
        column = pl.col(name)
        wanted += [
            column.min().cast(pl.Float64).alias(f"{name} min"),
            column.max().cast(pl.Float64).alias(f"{name} max"),
        ]
        wanted += [column.quantile(q, "nearest").cast(pl.Float64).alias(f"{name} p{round(q * 100)}") for q in QUANTILES]
        wanted.append(column.mean().alias(f"{name} mean"))
    values = kept.select(wanted).collect().row(0, named=True)
    order = ["min", *(f"p{round(q * 100)}" for q in QUANTILES), "max", "mean"]
    if values["chars min"] is None:
        return {}
    return {name: {label: round(values[f"{name} {label}"], 4) for label in order} for name in MEASURED}


def _step(step: str, num_in: int, num_out: int, dropped: Counter[str]) -> dict[str, Any]:
    return {"step": step, "in": num_in, "out": num_out, "dropped": dict(sorted(dropped.items()))}
