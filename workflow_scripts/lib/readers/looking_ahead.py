"""The first records of a file, to tell whether it is what is expected."""

import itertools
from collections.abc import Iterator
from typing import Any

from workflow_scripts.lib.readers.parsed import Parsed

_RECORDS = 100
_MAX_CHARS = 1 << 25  # of all of them together: they are held in memory


def first_records(records: Iterator[Parsed]) -> list[Parsed]:
    """Take the first records: a hundred, fewer if they are very long."""
    first, length = [], 0
    for record in itertools.islice(records, _RECORDS):
        first.append(record)
        length += _chars(record.value)
        if length > _MAX_CHARS:
            break
    return first


def replayed(first: list[Parsed], records: Iterator[Parsed]) -> Iterator[Parsed]:
    """Yield the first records, which the list then forgets, and the others."""
    first.reverse()
    while first:
        yield first.pop()
    yield from records


def _chars(value: Any) -> int:
    total, inside = 0, [value]
    while inside:
        each = inside.pop()
        if isinstance(each, str):
            total += len(each)
        elif isinstance(each, dict):
            total += sum(map(len, each))
            inside.extend(each.values())
        elif isinstance(each, list):
            inside.extend(each)
    return total
