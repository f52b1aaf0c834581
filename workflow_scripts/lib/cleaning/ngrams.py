"""How much of a text repeats itself."""

import numpy as np

from workflow_scripts.lib.cleaning.characters import Texts

_FACTOR = np.uint64(0x9E3779B97F4A7C15)  # 2**64 / golden ratio, odd: multiplying by it spreads bits (Knuth, TAOCP 6.4)


def repetition(texts: Texts, ngram: int) -> np.ndarray:
    """Return 1 - distinct / total character n-grams over all texts of a row, 0-1, ``(rows,)``.

    0 when no text is as long as an n-gram. N-grams are compared by a hash of at least 40 bits within a row: even among
    a hundred thousand of them a chance meeting is rarer than one row in two hundred, and moves the share by 1e-5.
    """
    num_grams = len(texts.codes) - ngram + 1
    if num_grams <= 0:
        return np.zeros(texts.num_rows)
    hashes = np.zeros(num_grams, np.uint64)
    for start in range(ngram):
        hashes *= _FACTOR
        hashes += texts.codes[start : start + num_grams]
        hashes ^= hashes >> np.uint64(29)
    hashes *= _FACTOR
    row_of = np.repeat(texts.row_of.astype(np.uint64), texts.lengths)[:num_grams]
    row_bits = max(1, int(texts.num_rows - 1).bit_length())
    hash_bits = np.uint64(64 - row_bits)
    keys = (hashes >> np.uint64(row_bits)) | (row_of << hash_bits)
    inside = _inside(texts, ngram, num_grams)
    if not inside.all():
        keys = keys[inside]
    keys.sort()
    rows = (keys >> hash_bits).astype(np.int64)
    is_new = np.ones(len(keys), bool)
    np.not_equal(keys[1:], keys[:-1], out=is_new[1:])
    total = np.bincount(rows, minlength=texts.num_rows)
    distinct = np.bincount(rows[is_new], minlength=texts.num_rows)
    # not 1 - distinct / total: 1 - 0.7 is above 0.3, and bounds are inclusive
    return (total - distinct) / np.maximum(total, 1)


def _inside(texts: Texts, ngram: int, num_grams: int) -> np.ndarray:
    """Tell which n-grams do not reach over the end of their text."""
    inside = np.ones(num_grams, bool)
    ends = texts.ends
    for back in range(1, ngram):
        places = ends - back
        inside[places[(places >= 0) & (places < num_grams)]] = False
    return inside
