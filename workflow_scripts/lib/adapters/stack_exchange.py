"""HuggingFaceH4/stack-exchange-preferences: a question and its answers, all HTML, with scores.

The licence (CC BY-SA) asks for attribution: authors and address of the question are kept in ``meta``.
"""

import re
from collections.abc import Iterable, Iterator
from typing import Annotated, Any

from pydantic import Field

from workflow_scripts.lib.adapters.base import Context, Row, each, field
from workflow_scripts.lib.adapters.html_text import text_of_html
from workflow_scripts.lib.adapters.options import AdapterOptions
from workflow_scripts.lib.adapters.values import kept, number_or_none, objects, short_texts, switch_or_none
from workflow_scripts.lib.config.fields import Text
from workflow_scripts.lib.records import Drop, RawRow, RejectedRowError, message, preference_row, sft_row

USES = ("sft", "preference", "evaluation")
ROW_BY_ROW = True
SHAPES = (("question", "answers"),)
OPTIONAL = ("qid", "date", "metadata")


class Options(AdapterOptions):
    """``domains``: name -> keywords; a question is taken for the first domain of which it has a keyword.

    Without domains every question is taken.
    """

    domains: dict[Text, Annotated[list[Text], Field(min_length=1)]] = Field(default_factory=dict)


def convert(rows: Iterable[RawRow], options: Options, context: Context) -> Iterator[Row | Drop]:
    patterns = {name: _any_of(keywords) for name, keywords in options.domains.items()}

    def row_of(raw: RawRow) -> Row:
        question = text_of_html(field(raw.value, "question"), "question")
        meta = _domain(question, patterns) | kept(raw.value, "qid", "date")
        answers = _scored(objects(field(raw.value, "answers"), "answers"))
        prompt = [message("user", question)]
        best = answers[0]
        if context.use != "preference":
            meta |= _attribution(raw.value, [best])
            reply = text_of_html(field(best, "text"), "text of an answer")
            return sft_row(raw.id, context.source, [*prompt, message("assistant", reply)], meta=meta)
        worst = answers[-1]
        scores = [number_or_none(answer["pm_score"]) for answer in (best, worst)]
        if len(answers) < 2:
            raise RejectedRowError("one_answer", "there is no answer to compare with")
        if scores[0] == scores[1]:
            raise RejectedRowError("tie", f"all {len(answers)} answers have the score {scores[0]:g}")
        meta |= {"scores": scores} | _attribution(raw.value, [best, worst])
        chosen, rejected = (text_of_html(field(answer, "text"), "text of an answer") for answer in (best, worst))
        return preference_row(raw.id, context.source, prompt, chosen, rejected, meta=meta)

    return each(rows, row_of)


def _scored(answers: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the answers that have a score, best first; of equals the accepted one, then the earlier one."""
    scored = [answer for answer in answers if number_or_none(answer.get("pm_score")) is not None]
    if not scored:
        raise RejectedRowError("no_answer", "no answer has a score")
    return sorted(
        scored,
        key=lambda answer: (-number_or_none(answer["pm_score"]), not switch_or_none(answer.get("selected"))),
    )


def _any_of(keywords: list[str]) -> re.Pattern[str]:
    """Return a pattern for whole words; in scripts without spaces a keyword may stand anywhere."""
    parts = [
        rf"(?<![A-Za-z0-9_]){re.escape(word)}(?![A-Za-z0-9_])" if word.isascii() else re.escape(word)
        for word in keywords
    ]
    return re.compile("|".join(parts), re.IGNORECASE)


def _domain(question: str, patterns: dict[str, re.Pattern[str]]) -> dict[str, str]:
    found = next((name for name, pattern in patterns.items() if pattern.search(question)), None)
    if patterns and found is None:
        raise RejectedRowError("other_domain", "the question has no keyword of any domain asked for")
    return {"domain": found} if found else {}


def _attribution(row: dict[str, Any], answers: list[dict[str, Any]]) -> dict[str, Any]:
    authors = short_texts([answer.get("author", answer.get("Author")) for answer in answers])
    told = {"authors": authors, "urls": short_texts(row.get("metadata"))}
    return {name: texts for name, texts in told.items() if texts}
