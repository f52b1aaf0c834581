"""The sums of the data card: what each step wrote about itself, held against ledgers, splits and its neighbours."""

from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl

from workflow_scripts.lib import accounting
from workflow_scripts.lib.accounting import Sums
from workflow_scripts.lib.jsonl import read_json
from workflow_scripts.lib.splitting.buckets import SPLITS

LEDGER = {"id": pl.String, "step": pl.String, "reason": pl.String, "detail": pl.String}
_ROW = {"id": pl.String, "source": pl.String, "lang": pl.String, "meta": pl.Struct({"derived": pl.Boolean})}


def scan_rows(path: Path, schema: dict[str, Any]) -> pl.LazyFrame:
    """Return these fields of the rows; polars refuses to scan an empty file."""
    return pl.scan_ndjson(path, schema=schema) if path.stat().st_size else pl.LazyFrame(schema=schema)


def step_of(source: str, sums: Path, ledger: Path) -> Sums:
    """Return the sums of one step of a source, if its ledger has the lines that they speak of.

    Raises:
        RuntimeError: If it has not.
    """
    found = accounting.from_json(read_json(sums))
    _check_ledger(source, found, _reasons(ledger).get(source, Counter()))
    return found


def mix_steps(summary: Path, ledger: Path) -> dict[str, Sums]:
    """Return the mix step of every source of one use.

    Raises:
        RuntimeError: If the ledger has other lines than the sums speak of.
    """
    found = {name: accounting.from_json(sums) for name, sums in read_json(summary)["sources"].items()}
    listed = _reasons(ledger)
    for name, sums in found.items():
        _check_ledger(name, sums, listed.get(name, Counter()))
    return found


@dataclass(frozen=True)
class SplitSums:
    """What stands in the split files of one use: rows by source and split, by language, and derived ones."""

    counts: dict[str, Counter[str]]
    languages: Counter[str]
    derived: int


def split_sums(files: dict[str, Path]) -> SplitSums:
    counts: dict[str, Counter[str]] = {}
    languages: Counter[str] = Counter()
    derived = 0
    for split in SPLITS:
        rows = scan_rows(files[split], _ROW)
        found = rows.group_by("source", "lang").agg(
            pl.len(), pl.col("meta").struct.field("derived").fill_null(value=False).sum().alias("derived")
        )
        for source, language, number, num_derived in found.collect().sort("source", "lang").iter_rows():
            counts.setdefault(source, Counter())[split] += number
            languages[language] += number
            derived += num_derived
    return SplitSums(counts, languages, derived)


def split_step(counts: Counter[str]) -> Sums:
    return Sums("split", "rows", counts.total(), counts.total(), {})


def _reasons(ledger: Path) -> dict[str, Counter[str]]:
    """Count the lines of a ledger by source and reason."""
    source = pl.col("id").str.split("/").list.first().alias("source")
    found: dict[str, Counter[str]] = {}
    for name, reason, number in (
        scan_rows(ledger, LEDGER).group_by(source, "reason").agg(pl.len()).collect().iter_rows()
    ):
        found.setdefault(name, Counter())[reason] = number
    return found


def _check_ledger(source: str, sums: Sums, listed: Counter[str]) -> None:
    told = Counter(sums.dropped) + Counter({accounting.USED_BY: sums.joined})
    if told != listed:
        raise RuntimeError(
            f"{source}, {sums.step}: the sums speak of {dict(sorted(told.items()))}, the ledger has "
            f"{dict(sorted(listed.items()))}: a bug, or files of different runs"
        )
