"""Alpaca rows: ``instruction``, ``input``, ``output``, optionally ``system`` and ``history`` of [question, answer]."""

from collections.abc import Iterable, Iterator
from typing import Any

from workflow_scripts.lib.adapters.base import Context, Row, each, field
from workflow_scripts.lib.adapters.conversations import history, joined, system_message
from workflow_scripts.lib.adapters.options import AdapterOptions
from workflow_scripts.lib.adapters.values import kept, text_in
from workflow_scripts.lib.config.fields import Text, optional
from workflow_scripts.lib.records import Drop, RawRow, message, sft_row, text_of

USES = ("sft", "evaluation")
ROW_BY_ROW = True
SHAPES = (("instruction", "output"),)
OPTIONAL = ("input", "system", "history", "subject")


class Options(AdapterOptions):
    """``input_label``: what stands before ``input``, as in 补充信息：…; null: nothing."""

    input_label: optional(Text) = None


def convert(rows: Iterable[RawRow], options: Options, context: Context) -> Iterator[Row | Drop]:
    def row_of(raw: RawRow) -> Row:
        row = raw.value
        question = joined(text_of(field(row, "instruction"), "instruction"), _input(row, options.input_label))
        messages = system_message(row.get("system")) + history(row.get("history"))
        messages += [message("user", question), message("assistant", field(row, "output"))]
        return sft_row(raw.id, context.source, messages, meta=kept(row, "subject"))

    return each(rows, row_of)


def _input(row: dict[str, Any], label: str | None) -> str:
    text = text_in(row, "input")
    return f"{label}：{text}" if label and text else text
