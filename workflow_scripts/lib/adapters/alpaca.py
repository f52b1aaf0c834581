"""Alpaca rows: ``instruction``, ``input``, ``output``, optionally ``system`` and ``history`` of [question, answer]."""

from collections.abc import Iterable, Iterator

from workflow_scripts.lib.adapters.base import Context, Row, each, field
from workflow_scripts.lib.config.fields import Section
from workflow_scripts.lib.records import Drop, RawRow, RejectedRowError, message, sft_row, text_of

USES = ("sft", "evaluation")


class Options(Section):
    """No options."""


def columns(options: Options) -> tuple[str, ...]:
    return ("instruction", "output")


def convert(rows: Iterable[RawRow], options: Options, context: Context) -> Iterator[Row | Drop]:
    def row_of(raw: RawRow) -> Row:
        row = raw.value
        question = text_of(field(row, "instruction"), "instruction")
        extra = text_of(row["input"], "input") if row.get("input") is not None else ""
        messages = [message("system", row["system"])] if row.get("system") else []
        for turn in row.get("history") or []:
            if not isinstance(turn, list) or len(turn) != 2:
                raise RejectedRowError("wrong_type", "history holds something else than [question, answer]")
            messages += [message("user", turn[0]), message("assistant", turn[1])]
        messages.append(message("user", "\n".join(part for part in (question, extra) if part)))
        messages.append(message("assistant", field(row, "output")))
        return sft_row(raw.id, context.source, messages)

    return each(rows, row_of)
