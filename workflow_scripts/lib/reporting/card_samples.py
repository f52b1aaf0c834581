"""Rows to look at: a few that were kept, and a few of each reason for which rows were dropped."""

import json
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import polars as pl

from workflow_scripts.lib.accounting import USED_BY
from workflow_scripts.lib.cleaning.personal_data import masked
from workflow_scripts.lib.jsonl import read_rows
from workflow_scripts.lib.reporting.card_sums import LEDGER, scan_rows

KEPT = 3  # a source
DROPPED = 2  # a reason and step
LOOKED_AT = 20_000  # rows whose instructions are compared: a share of 1 % is then exact to 0.14 %, in 95 of 100 cases
SHOWN = 2000  # characters of a message
# A published card must not show what its rows were dropped for.
WITHHELD = ("blocklisted", "contaminated", "personal_data")


def kept(train: Path, sources: list[str]) -> dict[str, list[dict[str, Any]]]:
    """Return the first rows of each source; rows are mixed in the order of a draw, so they are random ones."""
    found: dict[str, list[dict[str, Any]]] = {name: [] for name in sources}
    missing = set(sources)
    for row in read_rows(train):
        rows = found[row["source"]]
        if len(rows) < KEPT:
            rows.append(_shortened(row))
            if len(rows) == KEPT:
                missing.discard(row["source"])
        if not missing:
            break
    return found


def instructions(train: Path, num_rows: int) -> Iterator[str]:
    """Yield the first user turn of evenly spaced rows of a train split."""
    step = max(1, -(-num_rows // LOOKED_AT))
    with train.open(encoding="utf-8") as lines:
        for line in islice(lines, 0, None, step):
            row = json.loads(line)
            messages = row["prompt"] if "prompt" in row else row["messages"]
            yield next((message["content"] for message in messages if message["role"] == "user"), "")


def dropped(source: str, ledgers: list[Path], rows: Path) -> list[dict[str, Any]]:
    """Return a few lines of each step and reason of a source, evenly spaced, and the rows that they speak of.

    Args:
        source: Its name; a ledger of mixing has lines of several.
        ledgers: Of all steps.
        rows: Standard rows of the source; records that never became one are told by their line alone.
    """
    found = []
    for ledger in ledgers:
        own = scan_rows(ledger, LEDGER).filter(
            pl.col("id").str.starts_with(f"{source}/") & (pl.col("reason") != USED_BY)
        )
        number, position = pl.len().over("reason"), pl.int_range(pl.len()).over("reason")
        is_wanted = pl.any_horizontal(
            [position == (2 * place + 1) * number // (2 * DROPPED) for place in range(DROPPED)]
        )
        found += own.filter(is_wanted).collect().sort("reason", "id").to_dicts()
    by_id = _rows_of({line["id"] for line in found if line["step"] != "standardize"}, rows)
    return [_sample(line, by_id.get(line["id"])) for line in found]


def _sample(line: dict[str, Any], row: dict[str, Any] | None) -> dict[str, Any]:
    if line["reason"] in WITHHELD:
        return line | {"detail": "", "withheld": True}
    line = line | {"detail": masked(line["detail"])[0]}
    return line | ({"row": _changed(row, lambda content: masked(content)[0])} if row is not None else {})


def _rows_of(ids: set[str], rows: Path) -> dict[str, dict[str, Any]]:
    """Find rows by id: one pass that parses the ids only, and then the few lines."""
    if not ids:
        return {}
    positions = (
        scan_rows(rows, {"id": pl.String})
        .with_row_index("row")
        .filter(pl.col("id").is_in(list(ids)))
        .select("row")
        .collect()["row"]
    )
    wanted = set(positions.to_list())
    found = {}
    with rows.open(encoding="utf-8") as lines:
        for number, line in enumerate(lines):
            if number in wanted:
                row = _shortened(json.loads(line))
                found[row["id"]] = row
                if len(found) == len(wanted):
                    break
    return found


def _shortened(row: dict[str, Any]) -> dict[str, Any]:
    """Return a row whose messages are cut where they are too long to look at."""
    return _changed(row, _cut)


def _changed(row: dict[str, Any], change: Callable[[str], str]) -> dict[str, Any]:
    kinds = [kind for kind in ("messages", "prompt", "chosen", "rejected") if kind in row]
    return row | {kind: [message | {"content": change(message["content"])} for message in row[kind]] for kind in kinds}


def _cut(text: str) -> str:
    return text if len(text) <= SHOWN else text[: SHOWN - 1] + "…"
