"""What mixing must know of every row, in a few numbers: where it stands, its draw, hash, language, length and links."""

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from workflow_scripts.lib.errors import UserError
from workflow_scripts.lib.jsonl import dumps
from workflow_scripts.lib.mixing.draws import draw
from workflow_scripts.lib.mixing.links import Link, read_links, read_overlaps

_FIELDS = np.dtype(
    [
        ("offset", "u8"),  # bytes from the start of the file
        ("size", "u4"),  # bytes of the line
        ("draw", "u8"),
        ("high", "u8"),  # the first 128 bits of the content hash
        ("low", "u8"),
        ("is_zh", "?"),
        ("length", "u4"),  # characters
        ("cluster", "i8"),  # of near-duplicates; -1: none
        ("group", "u8"),  # to be written in place of the row's own, if is_regrouped
        ("is_regrouped", "?"),
    ]
)
_GROW = 1 << 16  # rows turned into an array at a time


@dataclass(frozen=True)
class SourceFiles:
    """What is known of the rows of one source: those that are clean, and links and overlaps of all."""

    kept: Path
    links: Path
    overlaps: Path | None


@dataclass
class Candidates:
    """The rows of one source that may be taken, in file order, and the ids of those that may not, with why."""

    source: str
    path: Path
    rows: np.ndarray
    num_read: int
    excluded: list[tuple[str, str]] = field(default_factory=list)
    contaminated: list[tuple[str, str]] = field(default_factory=list)


def scan(
    source: str,
    files: SourceFiles,
    seed: int,
    where: dict[str, list[Any]],
    *,
    max_overlap: float | None,
    refuse_derived: bool,
) -> Candidates:
    """Read the numbers of all rows of a source.

    Args:
        source: Its name.
        files: What is known of its rows.
        seed: Seed of the draws.
        where: Field, of the row or of its ``meta`` -> values to take.
        max_overlap: Rows that hold more of an evaluation text are not taken, 0-1; None: all are.
        refuse_derived: Whether a pair that was made or sampled, and not judged, stops the run.

    Raises:
        UserError: If a field of ``where`` is in no row, or at the first derived pair where they are refused.
    """
    done, pending, excluded = [], [], []
    seen: set[str] = set()
    offset = num_read = 0
    held = read_overlaps(files.overlaps, max_overlap)
    contaminated = []
    linked = read_links(files.links)
    with files.kept.open("rb") as stream:
        for line in stream:
            row = json.loads(line)
            link = next(linked, Link(None))
            while link.id != row["id"]:  # a row that cleaning dropped
                if link.id is None:
                    raise RuntimeError(f"{row['id']} has no link: rows and links are not of the same run")
                link = next(linked, Link(None))
            num_read += 1
            fields = row.get("meta", {}) | row
            if refuse_derived and fields.get("derived"):
                raise UserError(
                    f"{row['id']} is a pair that was made or sampled, not judged",
                    f"sources.{source}, mix.preference.derived",
                    "take the source out, or set derived: take",
                )
            if where:
                seen.update(fields)
            refused = next((name for name, values in where.items() if not _is_among(fields.get(name), values)), None)
            if refused is not None:
                excluded.append((row["id"], f"{refused} is {fields.get(refused)!r}"))
            elif row["id"] in held:
                contaminated.append((row["id"], held[row["id"]]))
            else:
                number = int(row["hash"][:32], 16)
                pending.append(
                    (
                        *(offset, len(line), draw(seed, "mix", row["id"]), number >> 64, number & (2**64 - 1)),
                        *(row["lang"] == "zh", _length(row)),
                        *(link.cluster, link.group or 0, link.group is not None),
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
    rows = np.concatenate([*done, np.array(pending, _FIELDS)])
    return Candidates(source, files.kept, rows, num_read, excluded, contaminated)


def _is_among(value: Any, values: list[Any]) -> bool:
    """Tell whether a value is one of these, also as text: meta has whole numbers so, and --config gives all so."""
    return value in values or _written(value) in map(_written, values)


def _written(value: Any) -> str:
    return value if isinstance(value, str) else dumps(value)


def _length(row: dict[str, Any]) -> int:
    messages = row["prompt"] + row["chosen"] if "prompt" in row else row["messages"]
    return sum(len(message["content"]) for message in messages)
