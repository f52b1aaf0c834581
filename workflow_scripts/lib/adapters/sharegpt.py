"""Rows with ``conversations`` of ``{"from", "value"}``, as in ShareGPT; an optional ``system`` column comes first."""

from collections.abc import Iterable, Iterator

from workflow_scripts.lib.adapters.base import Context, Row, each, field
from workflow_scripts.lib.adapters.conversations import system_message, turns
from workflow_scripts.lib.adapters.options import AdapterOptions
from workflow_scripts.lib.records import Drop, RawRow, sft_row

USES = ("sft", "evaluation")
ROW_BY_ROW = True
SHAPES = (("conversations",),)
OPTIONAL = ("system",)


class Options(AdapterOptions):
    """None of its own."""


def convert(rows: Iterable[RawRow], options: Options, context: Context) -> Iterator[Row | Drop]:
    def row_of(raw: RawRow) -> Row:
        talk = turns(field(raw.value, "conversations"), "conversations")
        return sft_row(raw.id, context.source, system_message(raw.value.get("system")) + talk)

    return each(rows, row_of)
