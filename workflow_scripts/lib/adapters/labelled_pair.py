"""Two answers and a label that says which one is better, in a sense that the config has to give."""

from collections.abc import Iterable, Iterator
from typing import Annotated, Any

from pydantic import Field, model_validator

from workflow_scripts.lib.adapters.base import Context, Row, each, field
from workflow_scripts.lib.adapters.options import AdapterOptions
from workflow_scripts.lib.adapters.pairs import prompt_of
from workflow_scripts.lib.adapters.values import number_or_none
from workflow_scripts.lib.records import Drop, RawRow, RejectedRowError, preference_row, text_of

USES = ("preference",)
ROW_BY_ROW = True
SHAPES = (("question", "response_a", "response_b", "label"),)
OPTIONAL = ()
Label = bool | int | float | str
Labels = Annotated[list[Label], Field(min_length=1)]


class Options(AdapterOptions):
    """``a_wins`` and ``b_wins``: the labels that say so, since data sets disagree: [1] and [0], or [0] and [1].

    A label in neither list is a tie or unknown, and its row is dropped. 1, 1.0 and "1" are one label, and so are "A"
    and "a".
    """

    a_wins: Labels
    b_wins: Labels

    @model_validator(mode="after")
    def _are_distinct(self) -> "Options":
        both = {_plain(label) for label in self.a_wins} & {_plain(label) for label in self.b_wins}
        if both:
            raise ValueError(f"a_wins and b_wins both have the label {', '.join(sorted(both))}; keep it in one of them")
        return self


def convert(rows: Iterable[RawRow], options: Options, context: Context) -> Iterator[Row | Drop]:
    a_wins, b_wins = ({_plain(label) for label in labels} for labels in (options.a_wins, options.b_wins))

    def row_of(raw: RawRow) -> Row:
        row = raw.value
        answers = [text_of(field(row, name), name) for name in ("response_a", "response_b")]
        value = field(row, "label")
        label = _plain(value) if isinstance(value, (bool, int, float, str)) else None
        if label not in a_wins | b_wins:
            shown = repr(value) if label is not None else type(value).__name__
            raise RejectedRowError("unknown_label", f"label is {shown}, neither in a_wins nor in b_wins")
        chosen, rejected = answers if label in a_wins else answers[::-1]
        return preference_row(raw.id, context.source, prompt_of(field(row, "question"), "question"), chosen, rejected)

    return each(rows, row_of)


def _plain(label: Any) -> str:
    """Return a label as text: CSV turns numbers and truth values into text, pandas whole numbers into decimal ones."""
    number = number_or_none(label)
    return str(label).strip().lower() if number is None else f"{number:g}"
