"""Which rows, of all sources and uses, are near-duplicates, and which must be in one split."""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from workflow_scripts.lib.config.fields import Count, Ratio, Section, Switch, optional
from workflow_scripts.lib.dedup.components import joined_by_key, separate
from workflow_scripts.lib.dedup.similar import clusters
from workflow_scripts.lib.splitting.buckets import bucket_of
from workflow_scripts.lib.tables import read_batches

SCHEMA = pa.schema(
    [
        ("id", pa.string()),
        ("cluster", pa.int64()),  # the same number for near-duplicates; null where a row has none
        ("group", pa.string()),  # in place of the row's own, where that would put it into another split than its like
    ]
)
LARGE = 0.05  # of all rows: a group of that size makes the shares of the splits a matter of luck
_HEX = 16  # digits of a group


class Linking(Section):
    """Config of the link job."""

    enabled: Switch
    threshold: Ratio
    max_same_replies: optional(Count)


@dataclass
class _Keys:
    """Of the rows of all sources, one after another: 33 bytes a row, and the sketch."""

    groups: np.ndarray
    prompts: np.ndarray
    replies: np.ndarray
    rejected: np.ndarray
    is_pair: np.ndarray
    sketches: np.ndarray
    has_sketch: np.ndarray


def link(files: list[Path], config: Linking) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return for each row ``cluster`` (-1: none), the key of ``group``, and whether rows of other groups share it.

    Rows share a split that share a group, a prompt, a reply, or are near-duplicates, directly or through others.

    Args:
        files: Sketches of all sources, in the order in which the first of several rows is the one that counts.
        config: Threshold, and how many rows may share a reply before it is taken for a stock phrase.
    """
    keys = _read(files)
    num_rows = len(keys.groups)
    rows = separate(num_rows)
    labels = separate(num_rows)
    if config.enabled:
        labels = clusters(keys.sketches, keys.has_sketch, config.threshold)
    sizes = np.bincount(labels, minlength=num_rows)
    cluster = np.where(sizes[labels] > 1, labels, -1)
    for own in (keys.groups, keys.prompts):
        labels = joined_by_key(labels, rows, own)
    if config.max_same_replies is not None:
        replies = np.concatenate([keys.replies, keys.rejected[keys.is_pair]])
        labels = joined_by_key(labels, np.concatenate([rows, rows[keys.is_pair]]), replies, config.max_same_replies)
    lowest = np.full(num_rows, np.iinfo(np.uint64).max)
    np.minimum.at(lowest, labels, keys.groups)
    group = lowest[labels]
    is_shared = np.zeros(num_rows, bool)
    is_shared[labels[group != keys.groups]] = True
    return cluster, group, is_shared[labels]


def largest_group(group: np.ndarray) -> int:
    """Return how many rows the largest group has."""
    return int(np.unique(group, return_counts=True)[1].max(initial=0))


def tables(
    files: list[Path], cluster: np.ndarray, group: np.ndarray, is_shared: np.ndarray
) -> Iterator[tuple[int, pa.Table]]:
    """Yield number of the file and lines for it, in order, in parts of bounded size."""
    start = 0
    for number, path in enumerate(files):
        yield number, SCHEMA.empty_table()
        for batch in read_batches(path, ["id", "group"]):
            part = slice(start, start + batch.num_rows)
            start = part.stop
            groups = [
                _other_group(own, key) if shared else None
                for own, key, shared in zip(
                    batch.column("group").to_pylist(), group[part].tolist(), is_shared[part].tolist(), strict=True
                )
            ]
            columns: list[Any] = [
                batch.column("id"),
                pa.array(cluster[part], mask=cluster[part] < 0),
                pa.array(groups, pa.string()),
            ]
            yield number, pa.Table.from_arrays(columns, schema=SCHEMA)


def _read(files: list[Path]) -> _Keys:
    num_rows = sum(pq.read_metadata(path).num_rows for path in files)
    num_perm = pq.read_schema(files[0]).field("sketch").type.byte_width
    keys = _Keys(
        *(np.zeros(num_rows, np.uint64) for _ in range(4)),
        is_pair=np.zeros(num_rows, bool),
        sketches=np.zeros((num_rows, num_perm), np.uint8),
        has_sketch=np.zeros(num_rows, bool),
    )
    start = 0
    for path in files:
        for batch in read_batches(path):
            part = slice(start, start + batch.num_rows)
            start = part.stop
            keys.groups[part] = [_group_key(group) for group in batch.column("group").to_pylist()]
            keys.prompts[part], keys.replies[part] = batch.column("prompt"), batch.column("reply")
            keys.rejected[part] = pc.fill_null(batch.column("rejected"), 0)
            keys.is_pair[part] = pc.is_valid(batch.column("rejected")).to_numpy(zero_copy_only=False)
            known = pc.is_valid(batch.column("sketch")).to_numpy(zero_copy_only=False)
            keys.has_sketch[part] = known
            filled = b"".join(batch.column("sketch").drop_null().to_pylist())
            keys.sketches[part][known] = np.frombuffer(filled, np.uint8).reshape(-1, num_perm)
    return keys


def _other_group(own: str, key: int) -> str | None:
    """Return the group of that key; None if the row's own has the same bucket, which is the same split for good.

    The row then keeps its bytes, whichever rows of other sources come and go.
    """
    shared = f"{key:0{_HEX}x}"
    return None if bucket_of(own) == bucket_of(shared) else shared


def _group_key(group: str) -> int:
    """Return a group's 16 hex digits as a number; a group of another form by its hash."""
    if len(group) == _HEX and set(group) <= set("0123456789abcdef"):
        return int(group, 16)
    return int.from_bytes(hashlib.sha256(group.encode("utf-8")).digest()[:8], "big")
