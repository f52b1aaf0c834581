"""Nothing gets lost: what goes into a step comes out, or ends there for a reason, in whole numbers.

Each step counts what it reads apart from what it writes and fails if the two do not agree; the data card checks again
that each step took what the one before gave.
"""

from collections import Counter
from collections.abc import Generator, Iterator
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

Item = TypeVar("Item")
USED_BY = "used_by"  # reason of a record that ends in a row of another one, which the detail names


@dataclass(frozen=True)
class Sums:
    """The sums of one step of one source.

    Attributes:
        unit: What goes in: ``records`` of raw files, or ``rows``. What comes out are rows.
        dropped: Reason -> number, each with a line in the ledger.
        not_taken: Quota -> number; a surplus is counted and not listed.
        joined: Records that became part of a row of another record; the reason of their ledger line is ``used_by``.
        further: Rows beyond the first of a record that became several, ``…#7+1``, ``…#7+2``.
    """

    step: str
    unit: str
    num_in: int
    num_out: int
    dropped: dict[str, int]
    not_taken: dict[str, int] = field(default_factory=dict)
    joined: int = 0
    further: int = 0

    def check(self, source: str) -> None:
        """Check that in + further = out + dropped + not taken + joined.

        Raises:
            RuntimeError: If rows are missing or too many: a bug, or files of different runs.
        """
        had = self.num_in + self.further
        explained = self.num_out + sum(self.dropped.values()) + sum(self.not_taken.values()) + self.joined
        if had != explained:
            parts = [f"{self.num_out} rows out", *(f"{count} {reason}" for reason, count in self.dropped.items())]
            parts += [f"{count} {quota}" for quota, count in self.not_taken.items()]
            parts += [f"{self.joined} joined"] if self.joined else []
            more = f" and {self.further} further rows of them" if self.further else ""
            raise RuntimeError(
                f"{source}, {self.step}: {self.num_in} {self.unit} in{more}, {explained} accounted for "
                f"({', '.join(parts)})"
            )

    def as_json(self) -> dict[str, Any]:
        """Return the sums as they stand in files; what is zero in most steps is left out there."""
        value = {"step": self.step, "unit": self.unit, "in": self.num_in, "out": self.num_out}
        value["dropped"] = dict(sorted(self.dropped.items()))
        optional = {"not_taken": dict(self.not_taken), "joined": self.joined, "further": self.further}
        return value | {name: number for name, number in optional.items() if number}


def from_json(value: dict[str, Any]) -> Sums:
    names = {"in": "num_in", "out": "num_out"}
    return Sums(**{names.get(name, name): number for name, number in value.items()})


def added(parts: list[Sums]) -> Sums:
    """Return the sums of all parts of one step of one source."""
    dropped = sum((Counter(part.dropped) for part in parts), Counter())
    num_in, num_out, joined, further = (
        sum(getattr(part, name) for part in parts) for name in ("num_in", "num_out", "joined", "further")
    )
    return Sums(parts[0].step, parts[0].unit, num_in, num_out, dropped, joined=joined, further=further)


def is_further(row_id: str) -> bool:
    """Tell whether this is not the first row of its record: ``…#7`` is, ``…#7+1`` is not."""
    return "+" in row_id[row_id.rfind("#") :]


def check_chain(source: str, steps: list[Sums]) -> None:
    """Check each step, and that it took in what the one before gave out.

    Raises:
        RuntimeError: If not.
    """
    for number, step in enumerate(steps):
        step.check(source)
        if number and step.num_in != steps[number - 1].num_out:
            before = steps[number - 1]
            raise RuntimeError(
                f"{source}: {before.step} gave {before.num_out} rows, {step.step} took {step.num_in}: "
                "a bug, or files of different runs"
            )


class Counting(Generic[Item]):
    """Iterates over a generator and keeps the number that it returns: what it read."""

    def __init__(self, items: Generator[Item, None, int]) -> None:
        self.num_read = 0
        self._items = items

    def __iter__(self) -> Iterator[Item]:
        self.num_read = yield from self._items


@dataclass
class Written:
    """What a step wrote, counted as it is written."""

    num_rows: int = 0
    joined: int = 0
    further: int = 0
    dropped: Counter[str] = field(default_factory=Counter)

    def row(self, row_id: str) -> None:
        self.num_rows += 1
        self.further += is_further(row_id)

    def ledger_line(self, line: dict[str, Any]) -> None:
        self.further += is_further(line["id"])
        if line["reason"] == USED_BY:
            self.joined += 1
        else:
            self.dropped[line["reason"]] += 1

    def sums(self, step: str, unit: str, num_in: int) -> Sums:
        return Sums(step, unit, num_in, self.num_rows, self.dropped, joined=self.joined, further=self.further)
