"""Open-Orca/SlimOrca: ShareGPT turns, each with a ``weight`` beside it; the system turn may be missing or empty."""

from collections.abc import Iterable, Iterator
from typing import Literal

from workflow_scripts.lib.adapters.base import Context, Row, each, field
from workflow_scripts.lib.adapters.conversations import turns
from workflow_scripts.lib.adapters.options import AdapterOptions
from workflow_scripts.lib.records import Drop, RawRow, sft_row

USES = ("sft", "evaluation")
ROW_BY_ROW = True
SHAPES = (("conversations",),)
OPTIONAL = ()


class Options(AdapterOptions):
    """``system``: keep the rows' own system messages, or drop them, so that ``model.system_prompt`` stands in all."""

    system: Literal["keep", "drop"] = "keep"


def convert(rows: Iterable[RawRow], options: Options, context: Context) -> Iterator[Row | Drop]:
    def row_of(raw: RawRow) -> Row:
        messages = turns(field(raw.value, "conversations"), "conversations")
        if options.system == "drop":
            messages = [message for message in messages if message["role"] != "system"]
        return sft_row(raw.id, context.source, messages)

    return each(rows, row_of)
