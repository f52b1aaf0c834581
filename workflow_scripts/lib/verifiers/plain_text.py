"""Replies as verifiers compare them: width, invisible marks and markdown do not count, a thought is not the answer."""

import re
import unicodedata

_INVISIBLE = re.compile("[\u200b\u200c\u200d\u2060\ufeff]")
_SPACE = " \t\n\r\u3000"
_ORNAMENTS = _SPACE + "*_`#\"'“”‘’「」『』《》【】[]{}<>。.,;:!、~"
_TAGGED = re.compile(r"<\s*answer\s*>(.*?)<\s*/\s*answer\s*>", re.IGNORECASE | re.DOTALL)


def plain(text: str) -> str:
    """Return text in one width (NFKC: ｜ is |, １ is 1, ： is :), without marks that nobody sees."""
    return _INVISIBLE.sub("", unicodedata.normalize("NFKC", text))


def bare(text: str) -> str:
    """Return text without the white space, quotes, brackets, markdown and stops around it."""
    return text.strip(_ORNAMENTS)


def said(reply: str) -> str | None:
    """Return what follows the thought of a reply, or all of it; None where a thought has no end."""
    if "</think>" in reply:
        return reply.rpartition("</think>")[2]
    return None if "<think>" in reply else reply


def tagged(reply: str) -> list[str]:
    """Return what stands in ``<answer>…</answer>``, once or several times."""
    return [found.strip() for found in _TAGGED.findall(reply)]
