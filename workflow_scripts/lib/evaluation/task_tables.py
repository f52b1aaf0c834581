"""Rows of a public evaluation task as its official definition reads them, whatever file format they came in."""

import json
from collections.abc import Iterable
from typing import Any

import pyarrow as pa

from workflow_scripts.lib.errors import UserError
from workflow_scripts.lib.readers.parsed import Parsed

# Columns that the definitions of lm-eval 0.4.13 name, as the hub has them: texts, or a list of that many texts.
COLUMNS: dict[str, dict[str, int | None]] = {
    "haonan-li/cmmlu": dict.fromkeys(("Question", "A", "B", "C", "D", "Answer")),
    "ceval/ceval-exam": dict.fromkeys(("question", "A", "B", "C", "D", "answer")),
    "Rowan/hellaswag": {"activity_label": None, "ctx_a": None, "ctx_b": None, "endings": 4, "label": None},
    "allenai/winogrande": dict.fromkeys(("sentence", "option1", "option2", "answer")),
    "openai/gsm8k": dict.fromkeys(("question", "answer")),
}
# Values without which the harness would stop in the middle, with a message that names no row.
LEGAL = {
    "haonan-li/cmmlu": ("Answer", "ABCD"),
    "ceval/ceval-exam": ("answer", "ABCD"),
    "Rowan/hellaswag": ("label", "0123"),
    "allenai/winogrande": ("answer", "12"),
}


def table(records: Iterable[Parsed], data_set: str, file: str) -> pa.Table:
    """Return the rows of one subset and split.

    Of a data set in ``COLUMNS`` its columns, found in upper or lower case, as text; of another one all columns.

    Raises:
        UserError: If a row cannot be read, lacks a column, or has an answer that is none. None is left out: a figure
            over fewer rows would not be the task's.
    """
    rows = [_row(record, data_set, file) for record in records]
    try:
        return pa.Table.from_pylist(rows, schema(data_set))
    except (pa.ArrowException, ValueError) as error:
        raise UserError(
            f"the rows have values of different types ({str(error).splitlines()[0]})",
            file,
            "give a column values of one type, or the file as Parquet",
        ) from None


def schema(data_set: str) -> pa.Schema | None:
    """Return the schema of a data set's tables; None if only its rows can tell."""
    columns = COLUMNS.get(data_set)
    kinds = {None: pa.string()}
    return columns and pa.schema([(name, kinds.get(length, pa.list_(pa.string()))) for name, length in columns.items()])


def _row(record: Parsed, data_set: str, file: str) -> dict[str, Any]:
    where = f"{file}, row {record.row + 1}"
    change = "mend the row: a figure over fewer rows would not be the task's"
    if record.problem:
        raise UserError(record.problem, where, change)
    if not isinstance(record.value, dict):
        raise UserError(f"a row is {type(record.value).__name__}, not an object", where, change)
    columns = COLUMNS.get(data_set)
    if columns is None:
        return record.value
    found = {name.lower(): name for name in reversed(record.value)}
    missing = [name for name in columns if name not in record.value and name.lower() not in found]
    if missing:
        raise UserError(
            f"no column {', '.join(missing)}; found {', '.join(record.value) or 'none'}",
            file,
            f"give the files of {data_set}, with the columns {', '.join(columns)}",
        )
    row = {}
    for name, length in columns.items():
        value = record.value.get(name, record.value.get(found.get(name.lower(), name)))
        row[name] = _text(value) if length is None else _texts(value, length)
        if row[name] is None:
            raise UserError(f"{name} is {value!r}"[:200], where, change)
    if data_set in LEGAL:
        name, legal = LEGAL[data_set]
        row[name] = row[name].strip().upper()
        if len(row[name]) != 1 or row[name] not in legal:
            raise UserError(
                f"{name} is {row[name]!r}, which is none of {', '.join(legal)}",
                where,
                "give the split that has answers (those of a test split are often kept secret)",
            )
    return row


def _text(value: Any) -> str | None:
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return None
    return str(value)


def _texts(value: Any, length: int) -> list[str] | None:
    """Return a list of texts, or of a text that is such a list in JSON, as CSV files have them."""
    if isinstance(value, str):
        try:
            value = json.loads(value)
        except ValueError:
            return None
    whole = isinstance(value, list) and len(value) == length and all(isinstance(text, str) for text in value)
    return value if whole else None
