"""Rows with a list of ``{"role", "content"}``."""

from collections.abc import Iterable, Iterator

from workflow_scripts.lib.adapters.base import Context, Row, each, field
from workflow_scripts.lib.adapters.conversations import turns
from workflow_scripts.lib.adapters.options import AdapterOptions
from workflow_scripts.lib.records import Drop, RawRow, sft_row

USES = ("sft", "evaluation")
ROW_BY_ROW = True
SHAPES = (("messages",),)
OPTIONAL = ()


class Options(AdapterOptions):
    """None of its own."""


def convert(rows: Iterable[RawRow], options: Options, context: Context) -> Iterator[Row | Drop]:
    def row_of(raw: RawRow) -> Row:
        return sft_row(raw.id, context.source, turns(field(raw.value, "messages"), "messages"))

    return each(rows, row_of)
