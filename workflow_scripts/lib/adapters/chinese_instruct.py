"""Mxode/Chinese-Instruct: ``prompt`` and ``response``, or ``instruction``, ``input`` and ``output``.

Each of its configs (firefly, stem_zh, magpie, ...) is a data set of its own, chosen in the source's URI. Without a name
the hub gives the default one only, a fiftieth of the rows.
"""

from collections.abc import Iterable, Iterator
from typing import Any

from workflow_scripts.lib.adapters.base import Context, Row, each, field
from workflow_scripts.lib.adapters.conversations import joined
from workflow_scripts.lib.adapters.options import AdapterOptions
from workflow_scripts.lib.adapters.values import kept, text_in
from workflow_scripts.lib.records import Drop, RawRow, message, sft_row, text_of

USES = ("sft", "evaluation")
ROW_BY_ROW = True
SHAPES = (("prompt", "response"), ("instruction", "output"))
OPTIONAL = ("input", "subject")


class Options(AdapterOptions):
    """None of its own."""


def convert(rows: Iterable[RawRow], options: Options, context: Context) -> Iterator[Row | Drop]:
    def row_of(raw: RawRow) -> Row:
        question, answer = _texts(raw.value)
        messages = [message("user", question), message("assistant", answer)]
        return sft_row(raw.id, context.source, messages, meta=kept(raw.value, "subject"))

    return each(rows, row_of)


def _texts(row: dict[str, Any]) -> tuple[str, Any]:
    if "instruction" in row and "prompt" not in row:
        question = text_of(field(row, "instruction"), "instruction")
        return joined(question, text_in(row, "input")), field(row, "output")
    return text_of(field(row, "prompt"), "prompt"), field(row, "response")
