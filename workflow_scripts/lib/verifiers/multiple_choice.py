"""Does a reply choose the right letter, or the right letters?"""

import re
from typing import Any

from workflow_scripts.lib.verifiers.base import (
    NO_GOLD,
    RIGHT,
    Gold,
    Verdict,
    VerifierOptions,
    question_and_answer,
    wrong,
)
from workflow_scripts.lib.verifiers.plain_text import bare, plain, said, tagged

_LETTERS = r"(?<![A-Za-z])([A-H](?:[\s,、和与]*[A-H])*)(?![A-Za-z])"
_ALONE = re.compile(rf"[(]?{_LETTERS}[)]?(?:\s*[.、:)].*)?", re.DOTALL)
_ANNOUNCED = (
    re.compile(rf"\\boxed\{{\s*{_LETTERS}\s*\}}"),
    re.compile(rf"答案\s*(?:应该|应)?\s*(?:选择|选|是|为|:)*[\s:*(\[【]*{_LETTERS}"),
    re.compile(rf"(?:故|因此|所以|应)\s*,?\s*(?:选择|选项为|选)[\s:*(]*{_LETTERS}"),
    re.compile(rf"(?<!不)选择?[\s:*(]*{_LETTERS}"),
)


class Options(VerifierOptions):
    """None of its own."""


def verify(reply: str, gold: Gold, options: Options) -> Verdict:
    right = choices_of(gold.reply)
    if len(right) != 1:
        return NO_GOLD
    text = said(reply)
    if text is None:
        return wrong("unfinished_thought")
    told = choices_of(text)
    if not told:
        return wrong("no_answer")
    if len(told) > 1:
        return wrong("several_answers")
    return RIGHT if told == right else wrong("different")


def columns(row: dict[str, Any]) -> dict[str, Any]:
    return question_and_answer(row)


def choices_of(text: str) -> set[str]:
    """Return the letters chosen, in order; several entries where a reply says different things."""
    text = plain(text).replace("*", "")
    parts = tagged(text) or [text]
    alone = [_ALONE.fullmatch(bare(part)) for part in parts]
    if all(alone):
        return {_sorted(found[1]) for found in alone}
    for pattern in _ANNOUNCED:
        found = {_sorted(letters) for part in parts for letters in pattern.findall(part)}
        if found:
            return found
    return set()


def _sorted(letters: str) -> str:
    return "".join(sorted(set(re.findall("[A-H]", letters))))
