"""HuggingFaceH4/ultrafeedback_binarized: whole dialogues as answers; also LLaMA-Factory's copy, with texts.

Its splits are ``train_prefs`` and ``test_prefs`` for pairs; those for SFT are read by the adapter ``messages``.
"""

from collections.abc import Iterable, Iterator
from typing import Any

from workflow_scripts.lib.adapters.base import Context, Row, each, field
from workflow_scripts.lib.adapters.options import AdapterOptions
from workflow_scripts.lib.adapters.pairs import answers, prompt_of
from workflow_scripts.lib.adapters.values import number_or_none
from workflow_scripts.lib.records import Drop, RawRow, RejectedRowError, preference_row

USES = ("preference",)
ROW_BY_ROW = True
SHAPES = (("prompt", "chosen", "rejected"), ("instruction", "chosen", "rejected"))
OPTIONAL = ("score_chosen", "score_rejected")
NOT_FOR = {"sft": "its splits train_sft and test_sft hold dialogues: read them with the adapter messages"}
_NO_SCORE = -100.0  # of the "N/A" that stands in for a second answer where there was none


class Options(AdapterOptions):
    """None of its own."""


def convert(rows: Iterable[RawRow], options: Options, context: Context) -> Iterator[Row | Drop]:
    def row_of(raw: RawRow) -> Row:
        row = raw.value
        meta = _meta(row)
        before, chosen, rejected = answers(row)
        name = "prompt" if "prompt" in row else "instruction"
        prompt = before or prompt_of(field(row, name), name)
        return preference_row(raw.id, context.source, prompt, chosen, rejected, meta=meta)

    return each(rows, row_of)


def _meta(row: dict[str, Any]) -> dict[str, Any]:
    """Return the scores.

    Raises:
        RejectedRowError: ``tie`` or ``one_answer``: the rejected answer was drawn from the others, whatever its score.
    """
    scores = [number_or_none(row.get(name)) for name in ("score_chosen", "score_rejected")]
    if None in scores:
        return {}
    if _NO_SCORE in scores:
        raise RejectedRowError("one_answer", "an answer has the score -100: it stands in for none")
    if scores[0] == scores[1]:
        raise RejectedRowError("tie", f"both answers have the score {scores[0]:g}")
    if scores[0] < scores[1]:
        raise RejectedRowError("contradiction", f"chosen has the score {scores[0]:g}, rejected {scores[1]:g}")
    return {"scores": scores}
