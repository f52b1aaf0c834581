"""Rows with ``chosen`` and ``rejected``, texts or lists of messages, and a ``prompt`` where those do not hold it."""

from collections.abc import Iterable, Iterator
from typing import Any

from workflow_scripts.lib.adapters.base import Context, Row, each, field, listed
from workflow_scripts.lib.config.fields import Section
from workflow_scripts.lib.records import Drop, RawRow, RejectedRowError, message, preference_row, text_of

USES = ("preference",)
Messages = list[dict[str, str]]


class Options(Section):
    """No options."""


def columns(options: Options) -> tuple[str, ...]:
    return ("chosen", "rejected")


def convert(rows: Iterable[RawRow], options: Options, context: Context) -> Iterator[Row | Drop]:
    def row_of(raw: RawRow) -> Row:
        before_chosen, chosen = _answer(raw.value, "chosen")
        before_rejected, rejected = _answer(raw.value, "rejected")
        if before_chosen != before_rejected:
            raise RejectedRowError("different_prompts", "chosen and rejected answer different conversations")
        prompt = before_chosen or _messages(field(raw.value, "prompt"), "prompt", "user")
        return preference_row(raw.id, context.source, prompt, chosen, rejected)

    return each(rows, row_of)


def _answer(row: dict[str, Any], name: str) -> tuple[Messages, str]:
    """Return what comes before the last message, and the text of the last one, which is the assistant's."""
    messages = _messages(field(row, name), name, "assistant")
    if not messages or messages[-1]["role"] != "assistant":
        raise RejectedRowError("no_answer", f"{name} does not end with the assistant")
    return messages[:-1], messages[-1]["content"]


def _messages(value: Any, name: str, role: str) -> Messages:
    if isinstance(value, str):
        return [{"role": role, "content": text_of(value, name)}]
    return [message(turn.get("role"), field(turn, "content")) for turn in listed(value, name)]
