"""What mixing must know of every row, in a few numbers: where it stands, its draw, hash, language and length."""

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from workflow_scripts.lib.errors import UserError
from workflow_scripts.lib.mixing.draws import draw

_FIELDS = np.dtype(
    [
        ("offset", "u8"),  # bytes from the start of the file
        ("size", "u4"),  # bytes of the line
        ("draw", "u8"),
        ("high", "u8"),  # the first 128 bits of the content hash
        ("low", "u8"),
        ("is_zh", "?"),
        ("length", "u4"),  # characters
    ]
)
_GROW = 1 << 16  # rows turned into an array at a time


@dataclass
class Candidates:
    """The rows of one source that ``where`` lets pass, in file order, and the ids of those that it does not."""

    source: str
    path: Path
    rows: np.ndarray
    num_read: int
    excluded: list[tuple[str, str]] = field(default_factory=list)


def scan(source: str, path: Path, seed: int, where: dict[str, list[Any]]) -> Candidates:
    """Read the numbers of all rows of a source.

    Args:
        source: Its name.
        path: Its clean rows.
        seed: Seed of the draws.
        where: Field, of the row or of its ``meta`` -> values to take.

    Raises:
        UserError: If a field of ``where`` is in no row.
    """
    done, pending, excluded = [], [], []
    seen: set[str] = set()
    offset = num_read = 0
    with path.open("rb") as stream:
        for line in stream:
            row = json.loads(line)
            num_read += 1
            fields = row.get("meta", {}) | row
            if where:
                seen.update(fields)
            refused = next((name for name, values in where.items() if fields.get(name) not in values), None)
            if refused is not None:
                excluded.append((row["id"], f"{refused} is {fields.get(refused)!r}"))
            else:
                number = int(row["hash"][:32], 16)
                pending.append(
                    (
                        *(offset, len(line), draw(seed, "mix", row["id"]), number >> 64, number & (2**64 - 1)),
                        *(row["lang"] == "zh", _length(row)),
                    )
                )
            offset += len(line)
            if len(pending) == _GROW:
                done.append(np.array(pending, _FIELDS))
                pending = []
    for name in where:
        if num_read and name not in seen:
            raise UserError(
                f"no row has the field {name!r}",
                f"sources.{source}.where.{name}",
                f"fields of the rows: {', '.join(sorted(seen - {'messages', 'prompt', 'chosen', 'rejected'}))}",
            )
    return Candidates(source, path, np.concatenate([*done, np.array(pending, _FIELDS)]), num_read, excluded)


def _length(row: dict[str, Any]) -> int:
    messages = row["prompt"] + row["chosen"] if "prompt" in row else row["messages"]
    return sum(len(message["content"]) for message in messages)
