"""Rows that another row of the same use makes superfluous: the first one stays, sources by name."""

import numpy as np

from workflow_scripts.lib.mixing.candidates import Candidates
from workflow_scripts.lib.mixing.rows import ids_at
from workflow_scripts.lib.records import Drop


def drop_duplicates(parts: list[Candidates]) -> list[Drop]:
    """Drop rows whose contents an earlier source has too."""
    high, low = (np.concatenate([np.zeros(0, "u8"), *(part.rows[name] for part in parts)]) for name in ("high", "low"))
    order = np.lexsort((low, high))  # stable: equal ones stay in order
    is_later = (high[order][1:] == high[order][:-1]) & (low[order][1:] == low[order][:-1])
    return _drop(parts, order, is_later, "duplicate_across_sources", "same contents as")


def drop_near_duplicates(parts: list[Candidates]) -> list[Drop]:
    """Drop all rows of a cluster but the first."""
    clusters = np.concatenate([np.zeros(0, "i8"), *(part.rows["cluster"] for part in parts)])
    order = np.argsort(clusters, kind="stable")
    is_later = (clusters[order][1:] == clusters[order][:-1]) & (clusters[order][1:] >= 0)
    return _drop(parts, order, is_later, "near_duplicate", "like")


def _drop(parts: list[Candidates], order: np.ndarray, is_later: np.ndarray, reason: str, words: str) -> list[Drop]:
    """Drop the rows of which ``is_later`` says that they equal the one before in ``order``."""
    later = np.concatenate([[False], is_later])[: len(order)]
    first = np.maximum.accumulate(np.where(later, 0, np.arange(len(order))))
    kept_by = np.full(len(order), -1)
    kept_by[order[later]] = order[first[later]]
    gone = np.flatnonzero(kept_by >= 0)
    drops = [
        Drop(row_id, reason, f"{words} {kept_id}")
        for row_id, kept_id in zip(ids_at(parts, gone), ids_at(parts, kept_by[gone]), strict=True)
    ]
    ends = np.cumsum([len(part.rows) for part in parts])[:-1]
    for part, is_kept in zip(parts, np.split(kept_by < 0, ends), strict=True):
        part.rows = part.rows[is_kept]
    return drops
