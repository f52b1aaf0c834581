"""What every adapter is given and gives."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from workflow_scripts.lib.records import Drop, RawRow, RejectedRowError

Row = dict[str, Any]


@dataclass(frozen=True)
class Context:
    """The source an adapter reads for."""

    source: str
    use: str
    seed: int


def each(rows: Iterable[RawRow], convert: Callable[[RawRow], Row]) -> Iterator[Row | Drop]:
    """Convert rows one by one; a rejected row becomes a drop with its reason."""
    for raw in rows:
        try:
            yield convert(raw)
        except RejectedRowError as rejected:
            yield Drop(raw.id, rejected.reason, rejected.detail)


def field(row: dict[str, Any], name: str) -> Any:
    """Return a field of a raw row.

    Raises:
        RejectedRowError: ``missing_field`` if it is absent or null.
    """
    value = row.get(name)
    if value is None:
        raise RejectedRowError("missing_field", f"{name} is {'null' if name in row else 'absent'}")
    return value


def listed(value: Any, name: str) -> list[dict[str, Any]]:
    """Return a list of objects.

    Raises:
        RejectedRowError: ``wrong_type``.
    """
    if not isinstance(value, list):
        raise RejectedRowError("wrong_type", f"{name} is {type(value).__name__}, not a list")
    for item in value:
        if not isinstance(item, dict):
            raise RejectedRowError("wrong_type", f"{name} holds {type(item).__name__}, not objects")
    return value
