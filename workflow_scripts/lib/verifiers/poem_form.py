"""Does a reply keep the form that the row names in ``meta.form``: quatrain5, quatrain7, or verse:6x5 and the like?"""

from typing import Any

from workflow_scripts.lib.evaluation.checks import quatrain, verse
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

_CHECKS = {"quatrain5": quatrain.check_five, "quatrain7": quatrain.check_seven, "verse": verse.check}


class Options(VerifierOptions):
    """None of its own."""


def verify(reply: str, gold: Gold, options: Options) -> Verdict:
    name, _, size = gold.meta.get("form", "").partition(":")
    if name not in _CHECKS:
        return NO_GOLD
    text = said(reply)
    if text is None:
        return wrong("unfinished_thought")
    fault = _CHECKS[name](text, size)
    return RIGHT if fault is None else wrong(fault.replace(" ", "_"))


def columns(row: dict[str, Any]) -> dict[str, Any]:
    return question_and_answer(row) | {"form": row.get("meta", {}).get("form")}
