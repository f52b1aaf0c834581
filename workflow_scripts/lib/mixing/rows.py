"""Lines of the sources' files, by the place that mixing remembers."""

import json
import os
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
    with _opened([part.path for part in parts]) as files:
        for part, position in Order(owner, numbers - starts[owner]).pairs():
            yield json.loads(_line(files[part], parts[part].rows[position]))["id"]


def lines(parts: list[Candidates], order: Order) -> Iterator[str]:
    """Yield lines in that order, as they stand in the files but for new groups."""
    with _opened([part.path for part in parts]) as files:
        for number, position in order.pairs():
            row = parts[number].rows[position]
            line = _line(files[number], row).decode("utf-8")
            yield _regrouped(line, int(row["group"])) if row["is_regrouped"] else line


@contextmanager
def _opened(paths: list[Path]) -> Iterator[list[int]]:
    """Open files to read anywhere in; not mapped, since mapped files count as memory of the process."""
    with ExitStack() as stack:
        yield [stack.enter_context(path.open("rb")).fileno() for path in paths]


def _line(file: int, row: np.void) -> bytes:
    return os.pread(file, int(row["size"]), int(row["offset"]))


def _regrouped(line: str, group: int) -> str:
    return dumps(json.loads(line) | {"group": f"{group:016x}"}) + "\n"
