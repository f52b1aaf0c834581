"""Prompts that a useful model answers, for the over-refusal part of the safety evaluation."""

from collections.abc import Iterable, Iterator

from workflow_scripts.lib.adapters.base import Context, Row, each, field
from workflow_scripts.lib.adapters.options import AdapterOptions
from workflow_scripts.lib.adapters.values import kept
from workflow_scripts.lib.records import Drop, RawRow, RejectedRowError, message, sft_row

USES = ("evaluation",)
ROW_BY_ROW = True
SHAPES = (("prompt",),)
OPTIONAL = ("type",)


class Options(AdapterOptions):
    """None of its own."""


def convert(rows: Iterable[RawRow], options: Options, context: Context) -> Iterator[Row | Drop]:
    def row_of(raw: RawRow) -> Row:
        prompt = message("user", field(raw.value, "prompt"))
        if not prompt["content"]:
            raise RejectedRowError("empty_prompt", "the prompt has no text")
        return sft_row(raw.id, context.source, [prompt], meta={"expects": "answer"} | kept(raw.value, "type"))

    return each(rows, row_of)
