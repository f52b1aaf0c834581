"""What other rules of cleaning would do to a source, told from its measures; nothing is written."""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl

from workflow_scripts.lib.cleaning.bounds import Bounds, edits_of
from workflow_scripts.lib.cleaning.token_counts import CountTokens, TokenLimits, counted, is_open
from workflow_scripts.lib.cleaning.verdicts import dropped_rows


@dataclass(frozen=True)
class Comparison:
    """Rows dropped now and then.

    Attributes:
        num_rows: Rows of the source.
        now, then: Rows by reason.
        going, coming: Rows that are dropped only then, or only now: ``row``, ``id``, ``reason``, ``detail``.
        dropped: Rows dropped then.
        num_rewritten: Rows kept then whose text would be another, because of what is masked or stripped.
    """

    num_rows: int
    now: dict[str, int]
    then: dict[str, int]
    going: pl.DataFrame
    coming: pl.DataFrame
    dropped: set[int]
    num_rewritten: int

    @property
    def changes(self) -> bool:
        """Whether other rows, or rows with another text, are kept then."""
        return bool(len(self.going) or len(self.coming) or self.num_rewritten)


def compare(now_columns: pl.LazyFrame, then_columns: pl.LazyFrame, now: Bounds, then: Bounds) -> Comparison:
    """Compare two sets of bounds over measures of the same rows, which differ if a measure itself is another then."""
    now_dropped = dropped_rows(_seen_by(now_columns, now), now)
    then_dropped = dropped_rows(_seen_by(then_columns, then), then)
    kept = then_columns.join(then_dropped.lazy().select("row"), on="row", how="anti")
    return Comparison(
        num_rows=now_columns.select(pl.len()).collect().item(),
        now=_by_reason(now_dropped),
        then=_by_reason(then_dropped),
        going=then_dropped.join(now_dropped, on="row", how="anti", maintain_order="left"),
        coming=now_dropped.join(then_dropped, on="row", how="anti", maintain_order="left"),
        dropped=set(then_dropped["row"].to_list()),
        num_rewritten=kept.select(_is_rewritten(now, then).sum()).collect().item(),
    )


def with_tokens(columns: pl.LazyFrame, rows: Path, limits: TokenLimits, count_tokens: CountTokens) -> pl.LazyFrame:
    """Return the columns with the tokens of rows that other limits leave open counted too."""
    wanted = columns.select(is_open(limits) & pl.col("tokens").is_null()).collect().to_series()
    if not wanted.any():
        return columns
    more = counted(rows, wanted, count_tokens)
    return columns.collect().with_columns(pl.col("tokens").fill_null(more["tokens"])).lazy()


def sample(rows: Path, found: pl.DataFrame, size: int) -> list[tuple[dict[str, Any], dict[str, Any]]]:
    """Return some of the rows found, evenly spread, each with its line of ``found``."""
    step = max(1, -(-len(found) // size))
    wanted = {line["row"]: line for line in found.gather_every(step).to_dicts()}
    return [(json.loads(text), wanted[number]) for number, text in _lines(rows, wanted.keys())]


def write_kept(rows: Path, dropped: set[int], kept: Path) -> None:
    """Write the rows that are not dropped."""
    kept.parent.mkdir(exist_ok=True)
    with rows.open("rb") as lines, kept.open("wb") as stream:
        stream.writelines(line for number, line in enumerate(lines) if number not in dropped)


def _lines(rows: Path, wanted: Iterable[int]) -> Iterable[tuple[int, bytes]]:
    left = set(wanted)
    with rows.open("rb") as lines:
        for number, line in enumerate(lines):
            if not left:
                return
            if number in left:
                left.remove(number)
                yield number, line


def _seen_by(columns: pl.LazyFrame, bounds: Bounds) -> pl.LazyFrame:
    """Return the columns as they would be: what standardizing masked is found again where nothing is masked."""
    if bounds.pii == "mask":
        return columns.with_columns(pl.lit([], pl.List(pl.String)).alias("personal_data"))
    masked = pl.col("edits").list.eval(
        pl.element().filter(pl.element().str.starts_with("masked_")).str.strip_prefix("masked_")
    )
    columns = columns.with_columns(pl.col("personal_data").list.concat(masked).list.unique(maintain_order=True))
    if bounds.reasoning != "strip":
        stripped = pl.col("edits").list.contains("stripped_reasoning")
        columns = columns.with_columns((pl.col("has_reasoning") | stripped).alias("has_reasoning"))
    return columns


def _is_rewritten(now: Bounds, then: Bounds) -> pl.Expr:
    before, after = edits_of(now.model_dump()), edits_of(then.model_dump())
    marks = [pl.lit(False)]
    if before["mask_personal_data"] != after["mask_personal_data"]:
        masked = pl.col("edits").list.eval(pl.element().str.starts_with("masked_")).list.any()
        marks += [masked, pl.col("personal_data").list.len() > 0]
    if before["strip_reasoning"] != after["strip_reasoning"]:
        marks += [pl.col("edits").list.contains("stripped_reasoning"), pl.col("has_reasoning")]
    return pl.any_horizontal(marks)


def _by_reason(dropped: pl.DataFrame) -> dict[str, int]:
    counts = dropped["reason"].value_counts().sort("reason")
    return dict(counts.iter_rows())
