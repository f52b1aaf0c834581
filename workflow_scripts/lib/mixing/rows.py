"""Lines of the sources' files, by the place that mixing remembers."""

import json
import mmap
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import numpy as np

from workflow_scripts.lib.jsonl import dumps
from workflow_scripts.lib.mixing.candidates import Candidates
from workflow_scripts.lib.mixing.order import Order


def ids_at(parts: list[Candidates], numbers: np.ndarray) -> Iterator[str]:
    """Yield the ids of rows; they are numbered through all parts."""
    starts = np.cumsum([0, *(len(part.rows) for part in parts)])
    owner = np.searchsorted(starts, numbers, "right") - 1
    with _mapped([part.path for part in parts]) as maps:
        for part, position in Order(owner, numbers - starts[owner]).pairs():
            yield json.loads(_line(maps[part], parts[part].rows[position]))["id"]


def lines(parts: list[Candidates], order: Order) -> Iterator[str]:
    """Yield lines in that order, as they stand in the files but for new groups."""
    with _mapped([part.path for part in parts]) as maps:
        for number, position in order.pairs():
            row = parts[number].rows[position]
            line = _line(maps[number], row).decode("utf-8")
            yield _regrouped(line, int(row["group"])) if row["is_regrouped"] else line


@contextmanager
def _mapped(paths: list[Path]) -> Iterator[list[mmap.mmap | None]]:
    with ExitStack() as stack:
        maps: list[mmap.mmap | None] = []
        for path in paths:
            stream = stack.enter_context(path.open("rb"))
            is_empty = path.stat().st_size == 0  # an empty file cannot be mapped
            maps.append(None if is_empty else mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ))
        yield maps


def _line(text: mmap.mmap, row: np.void) -> bytes:
    start = int(row["offset"])
    return text[start : start + int(row["size"])]


def _regrouped(line: str, group: int) -> str:
    return dumps(json.loads(line) | {"group": f"{group:016x}"}) + "\n"
