"""Lines of the sources' files, by the place that mixing remembers."""

import json
import mmap
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from typing import Any

from workflow_scripts.lib.mixing.candidates import Candidates


def line_at(part: Candidates, position: int) -> dict[str, Any]:
    """Return one row of a source."""
    row = part.rows[position]
    with part.path.open("rb") as stream:
        stream.seek(int(row["offset"]))
        return json.loads(stream.read(int(row["size"])))


def lines(parts: list[Candidates], order: Iterable[tuple[int, int]]) -> Iterator[str]:
    """Yield the lines as they stand in the files, in the order given as (number of the part, position)."""
    with ExitStack() as stack:
        maps = []
        for part in parts:
            stream = stack.enter_context(part.path.open("rb"))
            is_empty = part.path.stat().st_size == 0  # an empty file cannot be mapped
            maps.append(None if is_empty else mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ))
        for number, position in order:
            row = parts[number].rows[position]
            start = int(row["offset"])
            yield maps[number][start : start + int(row["size"])].decode("utf-8")
