"""Normalized text, and the script it is written in."""

import re
import unicodedata

# Unified ideographs and extensions, no radicals, punctuation or hexagrams.
HAN_RANGES = ((0x3400, 0x4DBF), (0x4E00, 0x9FFF), (0x20000, 0x323AF))
HAN = "".join(f"{chr(first)}-{chr(last)}" for first, last in HAN_RANGES)  # for a regular expression's brackets
LANGUAGES = ("zh", "en", "other")

# NFKC turns these into ASCII or plain digits. In Chinese text the full-width marks are the right ones (，is no comma),
# 10² must not become 102, and the answer ①③ of an exam must not become 13.
_KEPT = re.compile("([，！？：；（）［］｛｝～．…¹²³¼½¾㎟㎠㎡㎢㎣㎤㎥㎦\u2070-\u209c\u2150-\u215f\u2460-\u24ff]+)")
_WIDE_MARKS = tuple(zip("，！？：；（）", ",!?:;()", strict=True))
_LINE_BREAK = re.compile("\r\n|[\r\x0b\x0c\x1c-\x1e\x85\u2028\u2029]")
_INVISIBLE = re.compile("[\x00-\x08\x0e-\x1b\x1f\x7f-\x84\x86-\x9f\u200b\u202a-\u202e\u2060\u2066-\u2069\ufeff]")
_CHINESE_INDENT = re.compile("(?m)^[ \t]*[\u3000\u00a0][ \t\u3000\u00a0]*")
_TRAILING = re.compile(r"(?m)[^\S\n]+$")
_INNER_SPACE = re.compile(r"(?<=\S)[^\S\n]+")
_BLANK_LINES = re.compile(r"\n{3,}")
_KANA_OR_HANGUL = "\u3041-\u30ff\uac00-\ud7af"
_HAN_RUN = re.compile(f"[{HAN}]+")
_KANA_OR_HANGUL_RUN = re.compile(f"[{_KANA_OR_HANGUL}]+")
_MOSTLY_HAN = re.compile(f"(?:[{HAN}]++[^{HAN}{_KANA_OR_HANGUL}]{{0,2}}+)++")  # a third of it, at the least
_ENGLISH_RUN = re.compile("[A-Za-z]+")
# Most texts are words of characters that nothing above acts on (printable ASCII, the common ideographs and marks, all
# of them as NFKC leaves them or kept from it), between single spaces and line breaks: one look finds them normalized.
_USUAL = "[!-~\u4e00-\u9fff\u3001-\u3011\u3014-\u301b·—‘’“”，！？：；（）～…]"
_NORMALIZED = re.compile(rf"(?:{_USUAL}++(?: |\n\n?)(?={_USUAL}))*+{_USUAL}++")


def normalize(text: str) -> str:
    """Return text as rows store it.

    BOM, control characters and marks of writing direction go, spaces inside a line fold into one, three or more line
    breaks into two. ASCII indentation stays because code and nested lists mean something by it; ideographic indentation
    goes. NFKC is applied to everything but full-width Chinese punctuation, superscripts, subscripts, fractions and
    enclosed numbers.
    """
    if is_usual(text):
        return text
    text = _INVISIBLE.sub("", _LINE_BREAK.sub("\n", text))
    if not text.isascii():
        text = _CHINESE_INDENT.sub("", text)
        parts = _KEPT.split(text)
        parts[::2] = [unicodedata.normalize("NFKC", part) for part in parts[::2]]
        text = "".join(parts)
    text = _INNER_SPACE.sub(" ", _TRAILING.sub("", text))
    return _BLANK_LINES.sub("\n\n", text).strip()


def is_usual(text: str) -> bool:
    """Tell, at a glance, whether text is normalized and valid; of some that is it says no."""
    return _NORMALIZED.fullmatch(text) is not None


def canonical(text: str) -> str:
    """Return the form in which two texts are compared: all of NFKC, all space folded.

    Here width does not count: rows that differ in ，and comma only are the same row.
    """
    return canonical_of(normalize(text))


def canonical_of(text: str) -> str:
    """Return the same of a text that is as ``normalize`` leaves it."""
    for wide, narrow in _WIDE_MARKS:  # what is left is NFKC already, mostly, which is seen much faster than made
        text = text.replace(wide, narrow)
    return " ".join(unicodedata.normalize("NFKC", text).split())


def is_valid_unicode(text: str) -> bool:
    """Tell whether the text can be written as UTF-8, that is, has no lone surrogates."""
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True


def han_ratio(text: str) -> float:
    """Return Han characters / letters, 0-1; 0 when there are no letters."""
    letters = _num_letters(text)
    return _num_of(_HAN_RUN, text) / letters if letters else 0.0


def language(text: str) -> str:
    """Return ``zh``, ``en`` or ``other`` by the share of scripts among the letters.

    A Han character says as much as several Latin letters, so 0.3 of them make a text Chinese; a tenth of kana or
    hangul makes it Japanese or Korean, which are other.
    """
    if _MOSTLY_HAN.fullmatch(text):
        return "zh"
    num_han = _num_of(_HAN_RUN, text)
    other = _KANA_OR_HANGUL_RUN.search(text)
    if not other and num_han >= 0.3 * len(text) > 0:  # there are no more letters than characters
        return "zh"
    letters = _num_letters(text)
    if not letters or (other and _num_of(_KANA_OR_HANGUL_RUN, text) / letters >= 0.1):
        return "other"
    if num_han / letters >= 0.3:
        return "zh"
    return "en" if _num_of(_ENGLISH_RUN, text) / letters >= 0.9 else "other"


def _num_letters(text: str) -> int:
    """Han characters and letters; Python's tables may be older than the newest ideographs and not call them letters."""
    others = _HAN_RUN.sub("", text)
    return len(text) - len(others) + sum(map(str.isalpha, others))


def _num_of(script: re.Pattern[str], text: str) -> int:
    return sum(map(len, script.findall(text)))
