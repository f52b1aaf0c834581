"""Texts as sets of character n-grams: right for Chinese, where no space parts the words.

Letters, digits and Han characters count; case, punctuation and space do not. Many texts at a time lie in one array,
because a loop over characters in Python would take a hundred times as long.
"""

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np

_MULTIPLIER = np.uint64(0x9E3779B97F4A7C15)  # 2**64 / golden ratio: odd, its bits well mixed
_MIX = (np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB))  # the finalizer of SplitMix64
_CHARACTERS_AT_A_TIME = 2_000_000  # some 100 MB of arrays
_ROWS_AT_A_TIME = 16_384


@dataclass(frozen=True)
class Folded:
    """Texts one after another, as code points of the characters that count.

    Attributes:
        characters: uint32, (characters of all texts,).
        offsets: int64, (texts + 1,): where each text starts, and the end of the last.
    """

    characters: np.ndarray
    offsets: np.ndarray


def keys_of(texts: list[str], folded: Folded) -> np.ndarray:
    """Return 64 bits of a hash of each text, uint64: the same for texts that fold to the same.

    A text of which no character counts goes by what it is.
    """
    data = memoryview(folded.characters.tobytes())
    ends = (folded.offsets * 4).tolist()
    parts = (
        data[start:end] if end > start else f"\0{text}".encode("utf-8", "surrogatepass")
        for text, start, end in zip(texts, ends, ends[1:], strict=False)
    )
    return np.frombuffer(b"".join(hashlib.blake2b(part, digest_size=8).digest() for part in parts), np.uint64)


def fold(texts: list[str]) -> Folded:
    lowered = [text.lower() for text in texts]
    characters = np.frombuffer("".join(lowered).encode("utf-32-le", "surrogatepass"), np.uint32)
    counts = _counting()[characters]
    before = np.concatenate([[0], np.cumsum(counts, dtype=np.int64)])
    ends = np.cumsum([0, *map(len, lowered)], dtype=np.int64)
    return Folded(characters[counts], before[ends])


def shingle(folded: Folded, ngram: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the hashes of all n-grams, text after text, and where each text's start (one more than texts).

    A text shorter than ``ngram`` has none.
    """
    starts, ends = folded.offsets[:-1], folded.offsets[1:]
    counts = np.maximum(ends - starts - (ngram - 1), 0)
    offsets = np.concatenate([[0], np.cumsum(counts)])
    places = np.arange(offsets[-1]) + np.repeat(starts - offsets[:-1], counts)
    characters = folded.characters.astype(np.uint64)
    hashes = np.zeros(len(places), np.uint64)
    for position in range(ngram):
        hashes = hashes * _MULTIPLIER + characters[places + position]
    for shift, factor in zip((30, 27), _MIX, strict=True):
        hashes = (hashes ^ (hashes >> np.uint64(shift))) * factor
    return hashes ^ (hashes >> np.uint64(31)), offsets


def batches(rows: Iterable[tuple[Any, str]]) -> Iterator[list[tuple[Any, str]]]:
    """Group things with their texts so that a group's arrays have a bounded size, whatever the texts' lengths."""
    batch: list[tuple[Any, str]] = []
    characters = 0
    for row in rows:
        batch.append(row)
        characters += len(row[1])
        if characters >= _CHARACTERS_AT_A_TIME or len(batch) == _ROWS_AT_A_TIME:
            yield batch
            batch, characters = [], 0
    if batch:
        yield batch


@cache
def _counting() -> np.ndarray:
    """Return for every code point whether it counts."""
    return np.array([chr(point).isalnum() for point in range(0x110000)])
