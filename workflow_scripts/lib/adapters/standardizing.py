"""Raw files of a source, all or some, through its adapter."""

import logging
from collections.abc import Generator, Iterator
from functools import lru_cache
from pathlib import PurePath
from types import ModuleType
from typing import Any, Literal

from workflow_scripts.lib.adapters import shapes
from workflow_scripts.lib.adapters.base import Context, Row
from workflow_scripts.lib.adapters.selection import select
from workflow_scripts.lib.config.fields import Encoding, Section, Text, Whole, optional
from workflow_scripts.lib.errors import UserError
from workflow_scripts.lib.readers.files import read_file
from workflow_scripts.lib.readers.looking_ahead import first_records, replayed
from workflow_scripts.lib.readers.parsed import REST, Parsed
from workflow_scripts.lib.readers.pieces import Piece
from workflow_scripts.lib.records import Drop, RawRow

log = logging.getLogger(__name__)


class Selection(Section):
    """The keys of a source that decide what its standard rows are."""

    use: Literal["sft", "preference", "evaluation"]
    adapter: Text
    options: dict[str, Any]
    encoding: optional(Encoding) = None


class Standardization(Section):
    """Config of one standardize job."""

    seed: Whole
    source: Selection


def standardize(name: str, pieces: list[Piece], config: Standardization) -> Generator[Row | Drop, None, int]:
    """Yield a standard row or a drop for every record of the pieces; return how many records there are.

    Where each record stands for itself (``ROW_BY_ROW`` of the adapter), what is yielded for it does not hang on the
    others, and what is yielded for all of them is in their order.

    Raises:
        UserError: If the adapter, its options or a file is not what it should be.
    """
    source = config.source
    adapter, options = select(name, source.adapter, source.use, source.options)
    raws = _Raws(name, pieces, source, adapter, options.field_map)
    for result in adapter.convert(raws, options, Context(name, source.use, config.seed)):
        yield from raws.take_unreadable()
        yield result
    yield from raws.take_unreadable()
    return raws.num_read + raws.num_unreadable


class _Raws:
    """The readable records of the pieces; what is unreadable is put aside as drops."""

    def __init__(
        self, source: str, pieces: list[Piece], selection: Selection, adapter: ModuleType, field_map: dict[str, str]
    ) -> None:
        self.num_read = self.num_unreadable = 0
        self._source, self._pieces, self._selection = source, pieces, selection
        self._adapter, self._field_map = adapter, field_map
        self._unreadable: list[Drop] = []

    def __iter__(self) -> Iterator[RawRow]:
        for number, piece in enumerate(self._pieces, 1):
            for record in self._checked(piece):
                raw_id = f"{self._source}/{record.place(piece.name)}"
                if record.problem is not None:
                    if record.reason == REST:
                        log.warning("%s: %s", raw_id, record.problem)
                    self._put_aside(Drop(raw_id, record.reason, record.problem))
                elif not isinstance(record.value, dict):
                    kind = type(record.value).__name__
                    self._put_aside(Drop(raw_id, "wrong_type", f"the row is {kind}, not an object"))
                else:
                    self.num_read += 1
                    yield RawRow(raw_id, self._renamed(record.value), _folder(record.member or piece.file))
            log.info("%s: file %d of %d read, %d rows so far", self._source, number, len(self._pieces), self.num_read)

    def _checked(self, piece: Piece) -> Iterator[Parsed]:
        """Yield the records of a piece, and stop where it is the start of a file that is not what is expected."""
        records = piece.records(self._selection.encoding)
        if piece.encoding is None:
            first = first_records(records)
            self._check_columns(piece.name, first)
            yield from replayed(first, records)
        else:
            if piece.start == 0:  # the piece may have fewer records than are looked at
                self._check_columns(piece.name, first_records(read_file(piece.path, self._selection.encoding)))
            yield from records

    def take_unreadable(self) -> list[Drop]:
        taken, self._unreadable = self._unreadable, []
        return taken

    def _put_aside(self, drop: Drop) -> None:
        self.num_unreadable += 1
        self._unreadable.append(drop)

    def _renamed(self, row: dict[str, Any]) -> dict[str, Any]:
        """Return the row with the adapter's names for its columns."""
        if not self._field_map:
            return row
        gone = {*self._field_map, *self._field_map.values()}
        renamed = {name: value for name, value in row.items() if name not in gone}
        return renamed | {name: row[column] for name, column in self._field_map.items() if column in row}

    def _check_columns(self, file: str, records: list[Parsed]) -> None:
        rows = [record.value for record in records if isinstance(record.value, dict)]
        if not records or any(shapes.fits(self._adapter, self._renamed(row)) for row in rows):
            return
        found = {str(key) for row in rows for key in row}
        change = "name the adapter that fits the file, or replace the file"
        if found:
            change = f"{shapes.nearest(found, self._selection.use)}; or replace the file"
            if absent := sorted(set(self._field_map.values()) - found):
                change = f"options.field_map names {shapes.listed(absent)}, which the file does not have; {change}"
        raise UserError(
            f"adapter {self._selection.adapter!r} expects the columns {shapes.expected(self._adapter)}; "
            f"found {shapes.listed(sorted(found)) if found else _kinds(records)}",
            f"{file} of sources.{self._source}",
            change,
        )


@lru_cache(maxsize=1)  # the same for all rows of a file
def _folder(path: str) -> str:
    return PurePath(path).parent.name


def _kinds(records: list[Parsed]) -> str:
    problems = [record.problem for record in records if record.problem]
    kinds = sorted({type(record.value).__name__ for record in records if not record.problem})
    return f"rows of {', '.join(kinds)}" if kinds else f"no readable row ({problems[0]})"
