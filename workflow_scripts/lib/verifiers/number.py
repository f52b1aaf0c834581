"""Is the number that a reply ends in the right one? For gsm8k and the like."""

import re
from decimal import Decimal
from typing import Any

from workflow_scripts.lib.config.fields import NotNegative
from workflow_scripts.lib.verifiers.base import (
    NO_GOLD,
    RIGHT,
    Gold,
    Verdict,
    VerifierOptions,
    question_and_answer,
    wrong,
)
from workflow_scripts.lib.verifiers.plain_text import plain, said

# A minus is one only where no number stands before it: 3-4 is a range, or a difference.
_NUMBER = re.compile(r"(?:(?<![\d.)])-)?(?:\d{1,3}(?:,\d{3})+(?!\d)|\d+)(?:\.\d+)?")
_MINUS = str.maketrans(dict.fromkeys("−–—", "-"))
_BOXED = re.compile(r"\\boxed\{([^{}]*)\}")
_AFTER = (  # what announces an answer, the surest first
    re.compile(r"####(.*)"),
    re.compile(r"<\s*answer\s*>(.*?)<\s*/\s*answer\s*>", re.IGNORECASE | re.DOTALL),
    _BOXED,
    re.compile(r"(?:答案|答)\s*(?:是|为|:)+(?=([^\n]*))"),
)


class Options(VerifierOptions):
    """``tolerance``: by how much a number may differ."""

    tolerance: NotNegative = 0.0


def verify(reply: str, gold: Gold, options: Options) -> Verdict:
    right = number_of(gold.reply)
    if right is None:
        return NO_GOLD
    text = said(reply)
    if text is None:
        return wrong("unfinished_thought")
    told = number_of(text)
    if told is None:
        return wrong("no_number")
    return RIGHT if abs(told - right) <= Decimal(str(options.tolerance)) else wrong("different")


def columns(row: dict[str, Any]) -> dict[str, Any]:
    return question_and_answer(row)


def number_of(text: str) -> Decimal | None:
    """Return the number announced as the answer, or else the last one; of several announced the last one counts."""
    text = plain(text).translate(_MINUS)
    for pattern in _AFTER:
        announced = [found for part in pattern.findall(text) for found in _NUMBER.findall(part)[:1]]
        if announced:
            return _decimal(announced[-1])
    found = _NUMBER.findall(text)
    return _decimal(found[-1]) if found else None


def _decimal(text: str) -> Decimal:
    return Decimal(text.replace(",", ""))
