"""Does a reply match a regular expression?"""

import re
from typing import Annotated, Any

from pydantic import AfterValidator

from workflow_scripts.lib.config.fields import Switch, Text
from workflow_scripts.lib.verifiers.base import RIGHT, Gold, Verdict, VerifierOptions, question_and_answer, wrong
from workflow_scripts.lib.verifiers.plain_text import said


def _checked(pattern: str) -> str:
    try:
        re.compile(pattern)
    except re.error as error:
        raise ValueError(f"no regular expression: {error}") from None
    return pattern


class Options(VerifierOptions):
    """``pattern``: what a reply must hold; ``whole``: all of the reply must match it."""

    pattern: Annotated[Text, AfterValidator(_checked)]
    whole: Switch = False


def verify(reply: str, gold: Gold, options: Options) -> Verdict:
    text = said(reply)
    if text is None:
        return wrong("unfinished_thought")
    find = re.fullmatch if options.whole else re.search
    return RIGHT if find(options.pattern, text.strip()) else wrong("no_match")


def columns(row: dict[str, Any]) -> dict[str, Any]:
    return question_and_answer(row)
