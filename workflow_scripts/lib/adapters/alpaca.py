"""Alpaca rows: ``instruction``, ``input``, ``output``, optionally ``system`` and ``history`` of [question, answer]."""

from collections.abc import Iterable, Iterator

from workflow_scripts.lib.adapters.base import Context, Row, each, field
from workflow_scripts.lib.adapters.conversations import history, joined, system_message
from workflow_scripts.lib.adapters.options import AdapterOptions
from workflow_scripts.lib.adapters.values import text_in
from workflow_scripts.lib.records import Drop, RawRow, message, sft_row, text_of

USES = ("sft", "evaluation")
SHAPES = (("instruction", "output"),)
OPTIONAL = ("input", "system", "history")


class Options(AdapterOptions):
    """None of its own."""


def convert(rows: Iterable[RawRow], options: Options, context: Context) -> Iterator[Row | Drop]:
    def row_of(raw: RawRow) -> Row:
        row = raw.value
        question = joined(text_of(field(row, "instruction"), "instruction"), text_in(row, "input"))
        messages = system_message(row.get("system")) + history(row.get("history"))
        messages += [message("user", question), message("assistant", field(row, "output"))]
        return sft_row(raw.id, context.source, messages)

    return each(rows, row_of)
