"""Rows with ``conversations`` of ``{"from", "value"}``, as in ShareGPT; an optional ``system`` column comes first."""

from collections.abc import Iterable, Iterator

from workflow_scripts.lib.adapters.base import Context, Row, each, field, listed
from workflow_scripts.lib.config.fields import Section
from workflow_scripts.lib.records import Drop, RawRow, message, sft_row

USES = ("sft", "evaluation")
_ROLES = {"human": "user", "user": "user", "gpt": "assistant", "assistant": "assistant", "system": "system"}


class Options(Section):
    """No options."""


def columns(options: Options) -> tuple[str, ...]:
    return ("conversations",)


def convert(rows: Iterable[RawRow], options: Options, context: Context) -> Iterator[Row | Drop]:
    def row_of(raw: RawRow) -> Row:
        system = raw.value.get("system")
        messages = [message("system", system)] if system else []
        for turn in listed(field(raw.value, "conversations"), "conversations"):
            speaker = turn.get("from")
            role = _ROLES.get(speaker, speaker) if isinstance(speaker, str) else speaker
            messages.append(message(role, field(turn, "value")))
        messages = [each for each in messages if each["role"] != "system" or each["content"]]
        return sft_row(raw.id, context.source, messages)

    return each(rows, row_of)
