"""What deduplication must know of every row, measured once: keys of its texts, and a sketch of its n-grams.

A sketch is a MinHash signature of which each value keeps its lowest 8 bits (b-bit minwise hashing, arXiv:0910.3349):
the share of equal values still tells how alike two texts are, at a quarter of the memory.
"""

from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
import pyarrow as pa
from rensa import RMinHash

from workflow_scripts.lib.config.fields import Count, Section, Switch
from workflow_scripts.lib.dedup.shingles import Folded, batches, fold, keys_of, shingle
from workflow_scripts.lib.dedup.texts import Row, prompt_and_reply, rejected_reply

_SEED = 1  # of the permutations; any, but the same for all sources


class Sketching(Section):
    """Config of one sketch job."""

    enabled: Switch
    ngram: Count
    num_perm: Count


def schema(num_perm: int) -> pa.Schema:
    return pa.schema(
        [
            ("id", pa.string()),
            ("group", pa.string()),
            ("prompt", pa.uint64()),  # keys of texts that differ at most in case, punctuation and space
            ("reply", pa.uint64()),
            ("rejected", pa.uint64()),  # null for rows that are no pairs
            ("sketch", pa.binary(num_perm)),  # of prompt and reply; null for texts shorter than an n-gram
        ]
    )


def sketch(rows: Iterable[Row], config: Sketching) -> Iterator[pa.RecordBatch]:
    """Yield the lines of the rows, in order, in batches of bounded size."""
    texts = ((row, "\n".join(prompt_and_reply(row))) for row in rows)
    for batch in batches(texts):
        yield _sketched([row for row, _ in batch], config)


def _sketched(rows: list[Row], config: Sketching) -> pa.RecordBatch:
    texts = [text for row in rows for text in prompt_and_reply(row)]
    folded = fold(texts)
    keys = keys_of(texts, folded)
    whole = Folded(folded.characters, folded.offsets[::2])  # prompt and reply, which lie side by side
    replies = [rejected_reply(row) for row in rows]
    rejected = [reply or "" for reply in replies]
    is_missing = np.array([reply is None for reply in replies])
    columns: list[Any] = [
        pa.array([row["id"] for row in rows], pa.string()),
        pa.array([row["group"] for row in rows], pa.string()),
        pa.array(keys[::2]),
        pa.array(keys[1::2]),
        pa.array(keys_of(rejected, fold(rejected)), mask=is_missing),
        _signatures(*shingle(whole, config.ngram), config.num_perm)
        if config.enabled
        else pa.nulls(len(rows), pa.binary(config.num_perm)),
    ]
    return pa.RecordBatch.from_arrays(columns, schema=schema(config.num_perm))


def _signatures(hashes: np.ndarray, offsets: np.ndarray, num_perm: int) -> pa.Array:
    matrix = RMinHash.digest_matrix_from_flat_token_hashes(hashes, offsets.astype(np.uint64), num_perm, _SEED)
    values = np.array(matrix.to_rows(), np.uint32).reshape(len(offsets) - 1, num_perm).astype(np.uint8)
    is_empty = offsets[1:] == offsets[:-1]
    buffer = pa.py_buffer(np.ascontiguousarray(values).tobytes())
    known = pa.array(~is_empty).buffers()[1]
    return pa.Array.from_buffers(pa.binary(num_perm), len(is_empty), [known, buffer])
