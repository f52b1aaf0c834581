"""stanfordnlp/SHP: two comments on one post. ``labels`` is 1 if A is preferred and 0 if B is, no index of a winner."""

import html
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Annotated, Any

from pydantic import Field

from workflow_scripts.lib.adapters.base import Context, Row, each, field
from workflow_scripts.lib.adapters.options import AdapterOptions
from workflow_scripts.lib.adapters.values import kept, number_in, number_or_none
from workflow_scripts.lib.config.fields import Count, Real, optional
from workflow_scripts.lib.records import Drop, RawRow, RejectedRowError, message, preference_row, text_of

USES = ("preference",)
SHAPES = (("history", "human_ref_A", "human_ref_B", "labels"),)
OPTIONAL = ("score_A", "score_B", "score_ratio", "domain", "post_id")
_GONE = ("[deleted]", "[removed]")


class Options(AdapterOptions):
    """What to take of the pairs; both off if left out.

    ``min_score_ratio``: score of the better / score of the other, at least 1; the paper's own DPO baseline takes 2.
    ``max_pairs_per_post``: the first pairs of a post in the files; some posts make hundreds.
    """

    min_score_ratio: optional(Annotated[Real, Field(ge=1)]) = None
    max_pairs_per_post: optional(Count) = None


def convert(rows: Iterable[RawRow], options: Options, context: Context) -> Iterator[Row | Drop]:
    taken: Counter[str] = Counter()

    def row_of(raw: RawRow) -> Row:
        row = raw.value
        prompt = [message("user", _plain(row, "history"))]
        label = number_in(row, "labels")
        if label not in (0, 1):
            raise RejectedRowError("unknown_label", f"labels is {label:g}, not 1 for A or 0 for B")
        better, other = "AB" if label == 1 else "BA"
        chosen, rejected = _plain(row, f"human_ref_{better}"), _plain(row, f"human_ref_{other}")
        scores = [number_or_none(row.get(f"score_{side}")) for side in (better, other)]
        _check_scores(scores, row, options.min_score_ratio)
        meta = kept(row, "domain", "post_id") | ({"scores": scores} if None not in scores else {})
        made = preference_row(raw.id, context.source, prompt, chosen, rejected, meta=meta)
        if options.max_pairs_per_post is not None:
            if taken[made["group"]] == options.max_pairs_per_post:
                raise RejectedRowError("over_post_cap", f"the post has {taken[made['group']]} pairs already")
            taken[made["group"]] += 1
        return made

    return each(rows, row_of)


def _plain(row: dict[str, Any], name: str) -> str:
    text = text_of(field(row, name), name)
    if "&" in text:
        text = text_of(html.unescape(text), name)
    if text in _GONE:
        raise RejectedRowError("deleted", f"{name} is {text}")
    return text


def _check_scores(scores: list[float | None], row: dict[str, Any], least: float | None) -> None:
    """Check that the scores agree with the label and are as far apart as asked for."""
    better, other = scores
    if better is None or other is None:
        ratio = number_or_none(row.get("score_ratio"))
    else:
        if better < other:
            raise RejectedRowError("contradiction", f"labels prefers the score {better:g} to {other:g}")
        ratio = better / other if other > 0 else None  # no ratio to something that is not positive
    if least is not None and (ratio is None or ratio < least):
        raise RejectedRowError(
            "low_score_ratio", f"ratio {'unknown' if ratio is None else f'{ratio:g}'}, below {least:g}"
        )
