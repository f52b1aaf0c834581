"""Anthropic/hh-rlhf: two whole transcripts, which differ in the last answer (mostly).

The chosen answer of the harmless subsets is the less harmful one, which is not to say harmless.
"""

from collections.abc import Iterable, Iterator

from workflow_scripts.lib.adapters.base import Context, Row, each, field
from workflow_scripts.lib.adapters.conversations import Messages
from workflow_scripts.lib.adapters.options import AdapterOptions
from workflow_scripts.lib.adapters.transcripts import transcript
from workflow_scripts.lib.records import Drop, RawRow, RejectedRowError, preference_row

USES = ("preference",)
ROW_BY_ROW = True
SHAPES = (("chosen", "rejected"),)
OPTIONAL = ()
NOT_FOR = {"sft": "the authors of hh-rlhf warn against SFT on it: chosen answers can be harmful too"}


class Options(AdapterOptions):
    """None of its own."""


def convert(rows: Iterable[RawRow], options: Options, context: Context) -> Iterator[Row | Drop]:
    def row_of(raw: RawRow) -> Row:
        chosen, rejected = (transcript(field(raw.value, name), name) for name in ("chosen", "rejected"))
        if chosen == rejected:
            raise RejectedRowError("same_answers", "chosen and rejected are the same")
        size = _common(chosen, rejected)
        for name, turns in (("chosen", chosen), ("rejected", rejected)):
            _check_answer(name, turns[size:])
        return preference_row(raw.id, context.source, chosen[:size], chosen[size]["content"], rejected[size]["content"])

    return each(rows, row_of)


def _common(first: Messages, second: Messages) -> int:
    """Return how many turns both begin with, whole turns: common characters may end inside a word of the answer."""
    size = 0
    while size < min(len(first), len(second)) and first[size] == second[size]:
        size += 1
    return size


def _check_answer(name: str, turns: Messages) -> None:
    """Check that one answer is left after the common turns.

    Raises:
        RejectedRowError: ``different_prompts`` for the pairs that part before their last turn.
    """
    if len(turns) != 1:
        raise RejectedRowError("different_prompts", f"after the common turns {name} has {len(turns)} turns, not 1")
    if turns[0]["role"] != "assistant":
        raise RejectedRowError("no_answer", f"{name} ends with the user")
    if not turns[0]["content"]:
        raise RejectedRowError("empty_answer", f"the last answer of {name} is empty")
