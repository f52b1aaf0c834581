"""Near-duplicates by their sketches: MinHash-LSH, and every candidate checked on the whole sketch."""

from collections.abc import Iterator

import numpy as np

from workflow_scripts.lib.dedup.components import joined, separate

_RECALL = 0.99  # of pairs exactly as alike as the threshold
_WIDEST = 8  # values of a band, one byte each: a band is one number of 64 bits
_LAGS = 4  # in a bucket a row is compared with so many before it and with the first: linear for buckets of any size
_PAIRS_AT_A_TIME = 1 << 16


def bands_of(num_perm: int, threshold: float) -> tuple[int, int]:
    """Return how many bands of how many values find a pair as alike as the threshold with the recall wanted.

    The widest such bands: they make the fewest candidates. P = 1 - (1 - threshold ** width) ** bands.
    """
    for width in range(min(_WIDEST, num_perm), 0, -1):
        bands = num_perm // width
        if 1 - (1 - threshold**width) ** bands >= _RECALL:
            return bands, width
    return num_perm, 1


def similarity(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Return the estimated Jaccard similarity of sketches, uint8 (pairs, num_perm) each -> (pairs,)."""
    equal = (first == second).mean(axis=1)
    return (equal - 1 / 256) / (1 - 1 / 256)  # two bytes agree by chance once in 256


def clusters(sketches: np.ndarray, is_known: np.ndarray, threshold: float) -> np.ndarray:
    """Return for each row the first row of its cluster of near-duplicates (itself if there are no others).

    Args:
        sketches: uint8, (rows, num_perm).
        is_known: Rows that have a sketch, bool (rows,).
        threshold: Least similarity of two rows, 0-1; a cluster joins all that are connected by such pairs.
    """
    labels = separate(len(sketches))
    rows = np.flatnonzero(is_known)
    if len(rows) < 2:
        return labels
    bands, width = bands_of(sketches.shape[1], threshold)
    for band in range(bands):
        values = np.zeros((len(rows), _WIDEST), np.uint8)
        values[:, :width] = sketches[rows, band * width : (band + 1) * width]
        order, starts = _buckets(values.view(np.uint64).ravel())
        del values
        firsts, seconds = [], []
        for first, second in _candidates(order, starts):
            first, second = rows[first], rows[second]
            is_new = labels[first] != labels[second]
            first, second = first[is_new], second[is_new]
            is_alike = similarity(sketches[first], sketches[second]) >= threshold
            firsts.append(first[is_alike])
            seconds.append(second[is_alike])
        if firsts:
            labels = joined(labels, np.concatenate(firsts), np.concatenate(seconds))
    return labels


def _buckets(keys: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the rows of buckets with more than one, bucket by bucket and in order, and the start of each's bucket."""
    order = np.argsort(keys, kind="stable")
    is_same = keys[order[1:]] == keys[order[:-1]]
    shares = np.concatenate([is_same, [False]]) | np.concatenate([[False], is_same])
    is_start = np.concatenate([[True], ~is_same])[shares]
    places = np.arange(int(shares.sum()))
    return order[shares], np.maximum.accumulate(np.where(is_start, places, 0))


def _candidates(order: np.ndarray, starts: np.ndarray) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    places = np.arange(len(order))
    for lag in range(1, _LAGS + 2):
        before = places - lag if lag <= _LAGS else starts
        is_inside = (before >= starts) & (places - before >= lag)
        yield from _in_parts(order[before[is_inside]], order[is_inside])


def _in_parts(first: np.ndarray, second: np.ndarray) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    for start in range(0, len(first), _PAIRS_AT_A_TIME):
        yield first[start : start + _PAIRS_AT_A_TIME], second[start : start + _PAIRS_AT_A_TIME]
