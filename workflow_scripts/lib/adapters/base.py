"""What every adapter is given and gives."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any, TypeVar

from workflow_scripts.lib.accounting import USED_BY
from workflow_scripts.lib.records import Drop, RawRow, RejectedRowError

Row = dict[str, Any]
Shape = tuple[str, ...]  # columns that a row must have
Result = TypeVar("Result")


@dataclass(frozen=True)
class Context:
    """The source an adapter reads for."""

    source: str
    use: str
    seed: int


def each(rows: Iterable[RawRow], convert: Callable[[RawRow], Row]) -> Iterator[Row | Drop]:
    """Convert rows one by one; a rejected row becomes a drop with its reason."""
    for raw in rows:
        yield attempt(raw, convert)


def attempt(raw: RawRow, convert: Callable[[RawRow], Result]) -> Result | Drop:
    try:
        return convert(raw)
    except RejectedRowError as rejected:
        return Drop(raw.id, rejected.reason, rejected.detail)
    except RecursionError:  # what JSON could still nest, repr and further calls may not
        return Drop(raw.id, "nested_too_deeply", "a field is nested too deeply")


def used_by(raw_id: str, row_id: str) -> Drop:
    """Return the ledger line of a record that became part of another record's row."""
    return Drop(raw_id, USED_BY, row_id)


def part_id(raw_id: str, number: int) -> str:
    """Return the id of one of the rows that a raw record is split into; the first one keeps the record's id."""
    return f"{raw_id}+{number}" if number else raw_id


def field(row: dict[str, Any], name: str) -> Any:
    """Return a field of a raw row.

    Raises:
        RejectedRowError: ``missing_field`` if it is absent or null.
    """
    value = row.get(name)
    if value is None:
        raise RejectedRowError("missing_field", f"{name} is {'null' if name in row else 'absent'}")
    return value
