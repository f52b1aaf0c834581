"""Does a reply keep the form that the row names in ``meta.form``?"""

from typing import Any

from workflow_scripts.lib.evaluation.checks import quatrain
from workflow_scripts.lib.verifiers.base import (
    NO_GOLD,
    RIGHT,
    Gold,
    Verdict,
    VerifierOptions,
    question_and_answer,
    wrong,
)
from workflow_scripts.lib.verifiers.plain_text import said

_LINE_LENGTHS = {"quatrain5": 5, "quatrain7": 7}


class Options(VerifierOptions):
    """None of its own."""


def verify(reply: str, gold: Gold, options: Options) -> Verdict:
    length = _LINE_LENGTHS.get(gold.meta.get("form", ""))
    if length is None:
        return NO_GOLD
    text = said(reply)
    if text is None:
        return wrong("unfinished_thought")
    fault = quatrain.fault(text, length)
    return RIGHT if fault is None else wrong(fault.replace(" ", "_"))


def columns(row: dict[str, Any]) -> dict[str, Any]:
    return question_and_answer(row) | {"form": row.get("meta", {}).get("form")}
