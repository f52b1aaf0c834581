"""Kinds of characters, counted in arrays: a table says of every code point what it is."""

import functools
from dataclasses import dataclass

import numpy as np

from workflow_scripts.lib.text import HAN_RANGES

HAN, LETTER, BROKEN, LATIN_LEAD, LATIN_TAIL, GBK_LEAD, GBK_TAIL, UNUSUAL = (1 << bit for bit in range(8))

_CODE_POINTS = 0x110000
_LAST_LETTER = 0x323B0  # end of the last block of ideographs; what follows are tags and private use
# UTF-8 read as Windows-1252: a lead byte is one of Â…ô, a following byte one of these or of U+0080-U+00BF.
_CP1252 = "€‚ƒ„…†‡ˆ‰Š‹ŒŽ‘’“”•–—˜™š›œžŸ"
# UTF-8 read as GBK: six bytes of two characters become three, as in 锟斤拷. These are the lead bytes of Chinese text
# and of full-width marks, and the bytes that follow one.
_UTF8_LEADS = range(0xE2, 0xF0)
_UTF8_TAILS = range(0x80, 0xC0)


@dataclass(frozen=True)
class Texts:
    """Texts end to end as code points.

    Attributes:
        codes: Code points of all texts, ``(characters,)``.
        lengths: Characters of each text, ``(texts,)``.
        row_of: Row of each text, ascending, ``(texts,)``.
        num_rows: Rows; one may have no text.
    """

    codes: np.ndarray
    lengths: np.ndarray
    row_of: np.ndarray
    num_rows: int

    @property
    def ends(self) -> np.ndarray:
        """Where each text ends, in characters, ``(texts,)``."""
        return np.cumsum(self.lengths)

    def per_row(self, per_text: np.ndarray) -> np.ndarray:
        """Add up a number of each text by row, ``(rows,)``."""
        return np.bincount(self.row_of, weights=per_text, minlength=self.num_rows).astype(np.int64)

    def count(self, marks: np.ndarray) -> np.ndarray:
        """Count marked characters by row, ``(rows,)``."""
        before = np.concatenate([[0], np.cumsum(marks, dtype=np.int64)])
        ends = self.ends
        return self.per_row(before[ends] - before[ends - self.lengths])


def texts_of(contents: list[str], row_of: np.ndarray, num_rows: int) -> Texts:
    """Lay texts end to end."""
    codes = np.frombuffer("".join(contents).encode("utf-32-le"), np.uint32)
    return Texts(codes, np.fromiter(map(len, contents), np.int64, len(contents)), row_of, num_rows)


def kinds_of(texts: Texts) -> np.ndarray:
    """Return the kinds of every character, a sum of the constants above, ``(characters,)``."""
    return _table()[texts.codes]


def wrongly_decoded(texts: Texts, kinds: np.ndarray) -> np.ndarray:
    """Mark the characters that reading bytes in the wrong encoding leaves, ``(characters,)``.

    Those are replacement and private-use characters, and pairs that are the first bytes of a UTF-8 character read as
    Windows-1252 or as GBK. In Chinese text one pair in some hundred is such by chance, so a share tells, not a single
    mark.
    """
    marks = (kinds & BROKEN) != 0
    if len(kinds) > 1:
        for lead, tail in ((LATIN_LEAD, LATIN_TAIL), (GBK_LEAD, GBK_TAIL)):
            pairs = ((kinds[:-1] & lead) != 0) & ((kinds[1:] & tail) != 0)
            ends = texts.ends[:-1]
            pairs[ends[(ends > 0) & (ends < len(kinds))] - 1] = False  # no pair stands over two texts
            marks[:-1] |= pairs
            marks[1:] |= pairs
    return marks


@functools.cache
def _table() -> np.ndarray:
    table = np.zeros(_CODE_POINTS, np.uint8)
    table[:_LAST_LETTER] = np.fromiter((LETTER * chr(code).isalpha() for code in range(_LAST_LETTER)), np.uint8)
    for first, last in HAN_RANGES:
        table[first : last + 1] |= HAN | LETTER  # even the ones that are newer than Python's tables
    table[:0x20] = table[0x7F] = UNUSUAL
    table[[0x09, 0x0A]] = 0
    table[0x40000:] |= UNUSUAL
    table[0xFFFD] |= BROKEN
    table[0xE000:0xF900] |= BROKEN
    table[0xC2:0xF5] |= LATIN_LEAD
    table[0x80:0xC0] |= LATIN_TAIL
    table[[ord(character) for character in _CP1252]] |= LATIN_TAIL
    for first, seconds, kind in ((_UTF8_LEADS, _UTF8_TAILS, GBK_LEAD), (_UTF8_TAILS, _UTF8_LEADS, GBK_TAIL)):
        for text in (bytes((one, two)).decode("gbk", "ignore") for one in first for two in seconds):
            if len(text) == 1 and ord(text) > 0x7F:
                table[ord(text)] |= kind
    return table
