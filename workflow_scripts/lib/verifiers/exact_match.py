"""Is the reply the row's own, but for width and space?"""

import re
from typing import Any

from workflow_scripts.lib.config.fields import Switch
from workflow_scripts.lib.text import canonical
from workflow_scripts.lib.verifiers.base import (
    NO_GOLD,
    RIGHT,
    Gold,
    Verdict,
    VerifierOptions,
    question_and_answer,
    wrong,
)
from workflow_scripts.lib.verifiers.plain_text import said, tagged

_MARKS = re.compile(r"[\W_]+")


class Options(VerifierOptions):
    """``ignore_case``, ``ignore_marks`` (punctuation, markdown and space); ``in_tag``: compare <answer>…</answer>."""

    ignore_case: Switch = False
    ignore_marks: Switch = False
    in_tag: Switch = False


def verify(reply: str, gold: Gold, options: Options) -> Verdict:
    right = _answers(gold.reply, options)
    if len(right) != 1 or not right[0]:
        return NO_GOLD
    answers = set(_answers(reply, options))
    if not answers:
        return wrong("no_answer")
    if len(answers) > 1:
        return wrong("several_answers")
    return RIGHT if answers == set(right) else wrong("different")


def columns(row: dict[str, Any]) -> dict[str, Any]:
    return question_and_answer(row)


def _answers(reply: str, options: Options) -> list[str]:
    text = said(reply)
    if text is None:
        return []
    # The row's own reply may be the bare answer.
    found = (tagged(text) or [text]) if options.in_tag else [text]
    return [_folded(answer, options) for answer in found]


def _folded(text: str, options: Options) -> str:
    text = canonical(text)
    text = text.casefold() if options.ignore_case else text
    return _MARKS.sub("", text) if options.ignore_marks else text
