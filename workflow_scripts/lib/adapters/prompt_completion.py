"""Rows with one text that asks and one that answers."""

from collections.abc import Iterable, Iterator

from workflow_scripts.lib.adapters.base import Context, Row, each, field
from workflow_scripts.lib.adapters.options import AdapterOptions
from workflow_scripts.lib.records import Drop, RawRow, message, sft_row

USES = ("sft", "evaluation")
ROW_BY_ROW = True
SHAPES = (("prompt", "completion"),)
OPTIONAL = ()


class Options(AdapterOptions):
    """None of its own."""


def convert(rows: Iterable[RawRow], options: Options, context: Context) -> Iterator[Row | Drop]:
    def row_of(raw: RawRow) -> Row:
        messages = [
            message("user", field(raw.value, "prompt")),
            message("assistant", field(raw.value, "completion")),
        ]
        return sft_row(raw.id, context.source, messages)

    return each(rows, row_of)
