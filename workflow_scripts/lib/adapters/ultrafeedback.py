"""openbmb/UltraFeedback: up to four rated completions; the best one is chosen, the worst one rejected.

Pin the revision 40b436560ca83a8dba36114c22ab3c66e43f6d5e or a later one: before it thousands of ``overall_score`` were
10 by mistake. Each completion was written under a system prompt of its own, which no pair can show.
"""

import re
from collections.abc import Iterable, Iterator
from typing import Any, Literal

from workflow_scripts.lib.adapters.base import Context, Row, each, field
from workflow_scripts.lib.adapters.options import AdapterOptions
from workflow_scripts.lib.adapters.values import decoded, kept, number_or_none, objects
from workflow_scripts.lib.records import Drop, RawRow, RejectedRowError, message, preference_row, text_of

USES = ("preference",)
ROW_BY_ROW = True
SHAPES = (("instruction", "completions"),)
OPTIONAL = ("source",)
_ASPECTS = ("instruction_following", "honesty", "truthfulness", "helpfulness")
_OUT_OF_TEN = re.compile(r"\s*(\d+(?:\.\d+)?)\s*/\s*10\s*")


class Options(AdapterOptions):
    """``score``: ``overall``, the critic's 1-10, or ``ratings``, the mean of the rated aspects, 1-5."""

    score: Literal["overall", "ratings"]


def convert(rows: Iterable[RawRow], options: Options, context: Context) -> Iterator[Row | Drop]:
    score_of = _overall if options.score == "overall" else _mean_rating

    def row_of(raw: RawRow) -> Row:
        prompt = [message("user", field(raw.value, "instruction"))]
        scored = [(score_of(each), each) for each in objects(field(raw.value, "completions"), "completions")]
        scored = [(score, each) for score, each in scored if score is not None]
        if len(scored) < 2:
            raise RejectedRowError("one_answer", f"{len(scored)} completions with a score")
        best, worst = max(scored, key=_score), min(scored, key=_score)
        if best[0] == worst[0]:
            raise RejectedRowError("tie", f"all {len(scored)} completions have the score {best[0]:g}")
        chosen, rejected = (text_of(field(each, "response"), "response") for _, each in (best, worst))
        meta = {"scores": [best[0], worst[0]]} | kept({"subset": raw.value.get("source")}, "subset")
        return preference_row(raw.id, context.source, prompt, chosen, rejected, meta=meta)

    return each(rows, row_of)


def _score(scored: tuple[float, dict[str, Any]]) -> float:
    return scored[0]


def _overall(completion: dict[str, Any]) -> float | None:
    """Return the critic's score; not one of the tens that the ratings belie."""
    value = completion.get("overall_score")
    written = _OUT_OF_TEN.fullmatch(value) if isinstance(value, str) else None
    score = number_or_none(written[1] if written else value)
    rating = _mean_rating(completion)
    return None if score == 10 and rating is not None and rating <= 2 else score


def _mean_rating(completion: dict[str, Any]) -> float | None:
    """Return the mean of the ratings that were given: they are texts, and may be "N/A"."""
    annotations = decoded(completion.get("annotations"))
    if not isinstance(annotations, dict):
        return None
    aspects = [annotations.get(name, annotations.get(name.replace("_", "-"))) for name in _ASPECTS]
    ratings = [number_or_none(aspect.get("Rating")) for aspect in aspects if isinstance(aspect, dict)]
    given = [rating for rating in ratings if rating is not None]
    return sum(given) / len(given) if given else None
