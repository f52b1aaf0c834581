"""JSON Lines and JSON files: UTF-8, one object a line, written whole or not at all."""

import json
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TextIO


@contextmanager
def atomic_writer(path: Path) -> Iterator[TextIO]:
    """Open a text file that takes its place only when the block ends without an error."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(path.name + ".part")
    try:
        with part.open("w", encoding="utf-8", newline="\n") as stream:
            yield stream
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


_ENCODER = json.JSONEncoder(ensure_ascii=False, separators=(", ", ": "))  # json.dumps makes one for each row


def dumps(row: Any) -> str:
    return _ENCODER.encode(row)


def write_rows(path: Path, rows: Iterable[dict]) -> int:
    """Write one object a line, keys in the order given, and return how many."""
    count = 0
    with atomic_writer(path) as stream:
        for row in rows:
            stream.write(dumps(row) + "\n")
            count += 1
    return count


def read_rows(path: Path) -> Iterator[dict]:
    """Yield the objects of a file that this workflow wrote, one at a time."""
    with path.open(encoding="utf-8") as stream:
        for line in stream:
            yield json.loads(line)


def write_json(path: Path, value: Any) -> None:
    with atomic_writer(path) as stream:
        json.dump(value, stream, ensure_ascii=False, indent=2)
        stream.write("\n")


def read_json(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8"))
