"""Rows of several files in one order, each file's own order kept."""

from typing import Any

Row = dict[str, Any]


def interleaved(files: list[list[Row]]) -> list[Row]:
    """Return all rows so that any first part of them holds of each file its share."""
    placed = [
        ((number + 0.5) / len(rows), file, row) for file, rows in enumerate(files) for number, row in enumerate(rows)
    ]
    return [row for _, _, row in sorted(placed, key=lambda each: each[:2])]
