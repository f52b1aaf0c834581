"""Rows with a list of ``{"role", "content"}``."""

from collections.abc import Iterable, Iterator

from workflow_scripts.lib.adapters.base import Context, Row, each, field, listed
from workflow_scripts.lib.config.fields import Section, Text
from workflow_scripts.lib.records import Drop, RawRow, message, sft_row

USES = ("sft", "evaluation")


class Options(Section):
    """``column``: the column that holds the messages."""

    column: Text = "messages"


def columns(options: Options) -> tuple[str, ...]:
    return (options.column,)


def convert(rows: Iterable[RawRow], options: Options, context: Context) -> Iterator[Row | Drop]:
    def row_of(raw: RawRow) -> Row:
        turns = listed(field(raw.value, options.column), options.column)
        messages = [message(turn.get("role"), field(turn, "content")) for turn in turns]
        return sft_row(raw.id, context.source, messages)

    return each(rows, row_of)
