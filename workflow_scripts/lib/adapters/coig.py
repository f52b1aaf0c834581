"""BAAI/COIG: the rows of its loading script, and its six raw files with four shapes.

The script names its splits ``Default`` and ``NoTranslate``; there is no ``train``.
"""

import ast
import re
from collections.abc import Iterable, Iterator
from typing import Any

from workflow_scripts.lib.adapters.base import Context, Row, each, field
from workflow_scripts.lib.adapters.conversations import Messages, joined
from workflow_scripts.lib.adapters.options import AdapterOptions
from workflow_scripts.lib.adapters.values import decoded, kept, objects, text_in
from workflow_scripts.lib.records import Drop, RawRow, RejectedRowError, message, sft_row, text_of

USES = ("sft", "evaluation")
ROW_BY_ROW = True
SHAPES = (
    ("conversations",),
    ("trans_instruction", "trans_output"),
    ("textbox_question", "textbox_answer"),
    ("round_0",),
    ("instruction", "output"),
)
OPTIONAL = (
    "input",
    "trans_input",
    "textbox_q_instruction",
    "textbox_q_context",
    "textbox_answer_analysis",
    "program_lang",
    "task_type",
    "subject",
    "textbox_subject",
)
_MAX_ROUNDS = 100
_FENCE = re.compile(r"```[A-Za-z]*")


class Options(AdapterOptions):
    """None of its own."""


def convert(rows: Iterable[RawRow], options: Options, context: Context) -> Iterator[Row | Drop]:
    def row_of(raw: RawRow) -> Row:
        row = raw.value
        shape = next((shape for shape in SHAPES if row.keys() >= set(shape)), None)
        if shape is None:
            raise RejectedRowError("missing_field", "the row has none of the shapes of COIG")
        meta = kept(row, "task_type", "program_lang", "subject", "textbox_subject")
        return sft_row(raw.id, context.source, _READERS[shape](row), meta=meta)

    return each(rows, row_of)


def _script(row: dict[str, Any]) -> Messages:
    """Rows of the loading script: the instruction, often empty, belongs to the first question only."""
    messages: Messages = []
    for turn in objects(field(row, "conversations"), "conversations"):
        question = text_of(field(turn, "question"), "question")
        messages.append(message("user", question if messages else joined(text_in(row, "instruction"), question)))
        messages.append(message("assistant", field(turn, "answer")))
    return messages


def _translated(row: dict[str, Any]) -> Messages:
    """Rows hold the English too; the Chinese is what this data set is for."""
    return _asked(joined(_needed(row, "trans_instruction"), text_in(row, "trans_input")), field(row, "trans_output"))


def _textbook(row: dict[str, Any]) -> Messages:
    """The short answer and its explanation both answer: the loading script loses the letter of an exam."""
    context = (text_in(row, name) for name in ("textbox_q_instruction", "textbox_q_context"))
    answer = joined(text_in(row, "textbox_answer"), text_in(row, "textbox_answer_analysis"))
    return _asked(joined(*context, _needed(row, "textbox_question")), answer)


def _instruction(row: dict[str, Any]) -> Messages:
    if "program_lang" not in row:
        return _asked(joined(_needed(row, "instruction"), text_in(row, "input")), field(row, "output"))
    given = text_of(_from_repr(row["input"]), "input") if row.get("input") is not None else ""
    return _asked(joined(_needed(row, "instruction"), given), _from_repr(field(row, "output")))


def _rounds(row: dict[str, Any]) -> Messages:
    """Rounds of a chat, each a JSON text; from the first one that cannot be read on, the chat has lost its thread."""
    messages: Messages = []
    for number in range(_MAX_ROUNDS):
        said = _round(row.get(f"round_{number}"))
        if said is None:
            break
        messages += said
    if not messages:
        raise RejectedRowError("invalid_round", "round_0 holds no question and answer")
    return messages


def _round(value: Any) -> Messages | None:
    response = value.get("response") if isinstance(value, dict) else None
    if isinstance(response, str):
        response = response.strip()
        response = decoded(
            _FENCE.sub("", response, count=1).removesuffix("```") if response.startswith("```") else response
        )
    if not isinstance(response, dict):
        return None
    try:
        return _asked(field(response, "Q"), field(response, "A"))
    except RejectedRowError:
        return None


def _from_repr(value: Any) -> Any:
    """Return the lines of a text that is the repr of a list of texts, as some of the LeetCode rows are."""
    if not isinstance(value, str) or not value.lstrip().startswith("[") or len(value) > 100_000:
        return value
    try:
        lines = ast.literal_eval(value.strip())
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        return value
    is_lines = isinstance(lines, list) and all(isinstance(line, str) for line in lines)
    return "\n".join(lines) if is_lines else value


def _needed(row: dict[str, Any], name: str) -> str:
    return text_of(field(row, name), name)


def _asked(question: Any, answer: Any) -> Messages:
    return [message("user", question), message("assistant", answer)]


_READERS = dict(zip(SHAPES, (_script, _translated, _textbook, _rounds, _instruction), strict=True))
