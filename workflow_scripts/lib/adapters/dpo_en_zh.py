"""llamafactory/DPO-En-Zh-20k, in the three shapes it has had.

First ``system``, ``history``, ``prompt`` and ``answer`` of [chosen, rejected]; then ``conversations`` with the answers
as texts; now with the answers as turns. Its configs are ``en`` and ``zh``; there is no default one.
"""

from collections.abc import Iterable, Iterator
from typing import Any

from workflow_scripts.lib.adapters.base import Context, Row, each, field
from workflow_scripts.lib.adapters.conversations import Messages, history, system_message
from workflow_scripts.lib.adapters.options import AdapterOptions
from workflow_scripts.lib.adapters.pairs import after_conversation
from workflow_scripts.lib.records import Drop, RawRow, RejectedRowError, message, preference_row, text_of

USES = ("preference",)
ROW_BY_ROW = True
SHAPES = (("conversations", "chosen", "rejected"), ("prompt", "answer"))
OPTIONAL = ("system", "history")


class Options(AdapterOptions):
    """None of its own."""


def convert(rows: Iterable[RawRow], options: Options, context: Context) -> Iterator[Row | Drop]:
    def row_of(raw: RawRow) -> Row:
        is_first_shape = "answer" in raw.value and "conversations" not in raw.value
        prompt, chosen, rejected = (_first_shape if is_first_shape else after_conversation)(raw.value)
        return preference_row(raw.id, context.source, prompt, chosen, rejected)

    return each(rows, row_of)


def _first_shape(row: dict[str, Any]) -> tuple[Messages, str, str]:
    answers = field(row, "answer")
    if not isinstance(answers, list) or len(answers) != 2:
        raise RejectedRowError("wrong_type", "answer is no list of chosen and rejected")
    prompt = system_message(row.get("system")) + history(row.get("history"))
    prompt.append(message("user", field(row, "prompt")))
    return prompt, text_of(answers[0], "chosen answer"), text_of(answers[1], "rejected answer")
