"""Rows with ``chosen`` and ``rejected``, texts or lists of messages, and a ``prompt`` where those do not hold it."""

from collections.abc import Iterable, Iterator

from workflow_scripts.lib.adapters.base import Context, Row, each, field
from workflow_scripts.lib.adapters.options import AdapterOptions
from workflow_scripts.lib.adapters.pairs import answers, prompt_of
from workflow_scripts.lib.records import Drop, RawRow, preference_row

USES = ("preference",)
ROW_BY_ROW = True
SHAPES = (("chosen", "rejected"),)
OPTIONAL = ("prompt",)


class Options(AdapterOptions):
    """None of its own."""


def convert(rows: Iterable[RawRow], options: Options, context: Context) -> Iterator[Row | Drop]:
    def row_of(raw: RawRow) -> Row:
        before, chosen, rejected = answers(raw.value)
        prompt = before or prompt_of(field(raw.value, "prompt"), "prompt")
        return preference_row(raw.id, context.source, prompt, chosen, rejected)

    return each(rows, row_of)
