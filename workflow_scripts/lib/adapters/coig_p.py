"""m-a-p/COIG-P: Chinese pairs, ``conversations`` in ShareGPT's way and the two answers as turns or texts."""

from collections.abc import Iterable, Iterator

from workflow_scripts.lib.adapters.base import Context, Row, each
from workflow_scripts.lib.adapters.options import AdapterOptions
from workflow_scripts.lib.adapters.pairs import after_conversation
from workflow_scripts.lib.adapters.values import kept
from workflow_scripts.lib.records import Drop, RawRow, preference_row

USES = ("preference",)
ROW_BY_ROW = True
SHAPES = (("conversations", "chosen", "rejected"),)
OPTIONAL = ("domain",)


class Options(AdapterOptions):
    """None of its own."""


def convert(rows: Iterable[RawRow], options: Options, context: Context) -> Iterator[Row | Drop]:
    def row_of(raw: RawRow) -> Row:
        prompt, chosen, rejected = after_conversation(raw.value)
        return preference_row(raw.id, context.source, prompt, chosen, rejected, meta=kept(raw.value, "domain"))

    return each(rows, row_of)
