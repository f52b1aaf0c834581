"""Rows that hold an evaluation text: its character n-grams stand in them."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from workflow_scripts.lib.config.fields import Count, Section
from workflow_scripts.lib.dedup.shingles import batches, fold, shingle
from workflow_scripts.lib.dedup.texts import Row, everything

SCHEMA = pa.schema(
    [
        ("id", pa.string()),
        ("overlap", pa.float64()),  # the largest share of an evaluation text's n-grams that the row holds, 0-1
        ("text", pa.string()),  # where that evaluation text stands
    ]
)
_COMMON = 10  # an n-gram of so many evaluation texts is a form of words (下列说法正确的是) and tells none of them


class Contamination(Section):
    """Config of one job that looks for evaluation texts."""

    ngram: Count


@dataclass(frozen=True)
class Index:
    """N-grams of evaluation texts.

    Attributes:
        names: Of the texts.
        sizes: Distinct n-grams of each text that are its own, int64 (texts,).
        hashes: Of all n-grams, sorted, uint64.
        texts: Number of the text of each hash, int64.
    """

    names: list[str]
    sizes: np.ndarray
    hashes: np.ndarray
    texts: np.ndarray


def index(named_texts: Iterable[tuple[str, str]], ngram: int) -> Index:
    names: list[str] = []
    parts = [(np.zeros(0, np.uint64), np.zeros(0, np.int64))]
    for batch in batches(named_texts):
        hashes, offsets = shingle(fold([text for _, text in batch]), ngram)
        parts.append((hashes, np.repeat(np.arange(len(batch)) + len(names), np.diff(offsets))))
        names += [name for name, _ in batch]
    hashes, texts = (np.concatenate(column) for column in zip(*parts, strict=True))
    order = np.lexsort((texts, hashes))
    hashes, texts = hashes[order], texts[order]
    is_first = np.ones(len(hashes), bool)
    is_first[1:] = (hashes[1:] != hashes[:-1]) | (texts[1:] != texts[:-1])
    hashes, texts = hashes[is_first], texts[is_first]
    _, counts = np.unique(hashes, return_counts=True)
    is_own = np.repeat(counts, counts) <= _COMMON
    hashes, texts = hashes[is_own], texts[is_own]
    return Index(names, np.bincount(texts, minlength=len(names)), hashes, texts)


def overlaps(rows: Iterable[Row], known: Index, ngram: int) -> Iterator[pa.Table]:
    """Yield lines for the rows that hold any n-gram of an evaluation text, in order."""
    for batch in batches((row["id"], everything(row)) for row in rows):
        hashes, offsets = shingle(fold([text for _, text in batch]), ngram)
        starts = np.searchsorted(known.hashes, hashes, "left")
        counts = np.searchsorted(known.hashes, hashes, "right") - starts
        holder = np.repeat(np.arange(len(batch)), np.diff(offsets))
        before = np.cumsum(counts) - counts
        places = np.repeat(starts - before, counts) + np.arange(counts.sum())
        hits = np.stack([np.repeat(holder, counts), known.texts[places], places])
        row, text, _ = np.unique(hits, axis=1)
        yield pa.Table.from_pylist(_largest(row, text, known, [name for name, _ in batch]), SCHEMA)


def texts_of_rows(rows: Iterable[Row]) -> list[tuple[str, str]]:
    """Return the text of each group of rows, under the id of its first row.

    One text in many rows, such as a legal case under many statutes, would otherwise pass for a form of words.
    """
    names: dict[str, str] = {}
    texts: dict[str, list[str]] = {}
    for row in rows:
        names.setdefault(row["group"], row["id"])
        texts.setdefault(row["group"], []).append(everything(row))
    return [(name, "\n".join(texts[group])) for group, name in names.items()]


def texts_of(name: str, value: Any) -> Iterator[tuple[str, str]]:
    """Yield every text in a record of evaluation data, whatever its shape."""
    if isinstance(value, str):
        yield name, value
    elif isinstance(value, dict):
        for part in value.values():
            yield from texts_of(name, part)
    elif isinstance(value, list):
        for part in value:
            yield from texts_of(name, part)


def _largest(row: np.ndarray, text: np.ndarray, known: Index, ids: list[str]) -> list[dict[str, Any]]:
    """Return for each row the text of which it holds most; the first of several."""
    if len(row) == 0:
        return []
    (rows, texts), counts = np.unique(np.stack([row, text]), axis=1, return_counts=True)
    share = counts / known.sizes[texts]
    order = np.lexsort((texts, -share, rows))
    _, first = np.unique(rows[order], return_index=True)
    return [
        {"id": ids[rows[place]], "overlap": float(share[place]), "text": known.names[texts[place]]}
        for place in order[first]
    ]
