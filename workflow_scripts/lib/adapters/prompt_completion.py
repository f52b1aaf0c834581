"""Rows with one text that asks and one that answers."""

from collections.abc import Iterable, Iterator

from workflow_scripts.lib.adapters.base import Context, Row, each, field
from workflow_scripts.lib.config.fields import Section, Text
from workflow_scripts.lib.records import Drop, RawRow, message, sft_row

USES = ("sft", "evaluation")


class Options(Section):
    """Names of the two columns."""

    prompt: Text = "prompt"
    completion: Text = "completion"


def columns(options: Options) -> tuple[str, ...]:
    return (options.prompt, options.completion)


def convert(rows: Iterable[RawRow], options: Options, context: Context) -> Iterator[Row | Drop]:
    def row_of(raw: RawRow) -> Row:
        messages = [
            message("user", field(raw.value, options.prompt)),
            message("assistant", field(raw.value, options.completion)),
        ]
        return sft_row(raw.id, context.source, messages)

    return each(rows, row_of)
