"""All raw files of a source, through its adapter."""

import logging
from collections.abc import Generator, Iterable, Iterator
from pathlib import Path
from typing import Any, Literal

from workflow_scripts.lib.adapters import options, registry
from workflow_scripts.lib.adapters.base import Context, Row
from workflow_scripts.lib.config.fields import Encoding, Section, Text, Whole, optional
from workflow_scripts.lib.errors import UserError
from workflow_scripts.lib.readers.files import file_names, read_file
from workflow_scripts.lib.readers.looking_ahead import first_records, replayed
from workflow_scripts.lib.readers.parsed import REST, Parsed
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


def standardize(name: str, files: list[Path], config: Standardization) -> Generator[Row | Drop, None, int]:
    """Yield a standard row or a drop for every record of the files; return how many records there are.

    Raises:
        UserError: If the adapter, its options or a file is not what it should be.
    """
    source = config.source
    adapter = registry.load(source.adapter, name)
    if source.use not in adapter.USES:
        raise UserError(
            f"adapter {source.adapter!r} makes rows for {' or '.join(adapter.USES)}, not for {source.use}",
            f"sources.{name}.use",
            "choose another adapter or another use",
        )
    checked = options.checked(adapter.Options, source.options, name)
    raws = _Raws(name, files, source, adapter.columns(checked))
    for result in adapter.convert(raws, checked, Context(name, source.use, config.seed)):
        yield result
        yield from raws.take_unreadable()
    yield from raws.take_unreadable()
    if not raws.num_read and not raws.num_unreadable:
        raise UserError("the files hold no rows", f"sources.{name}.from", "check that these are the right files")
    return raws.num_read + raws.num_unreadable


class _Raws:
    """The readable records of the files; what is unreadable is put aside as drops."""

    def __init__(self, source: str, files: list[Path], selection: Selection, columns: tuple[str, ...]) -> None:
        self.num_read = self.num_unreadable = 0
        self._source, self._files, self._selection, self._columns = source, files, selection, columns
        self._unreadable: list[Drop] = []

    def __iter__(self) -> Iterator[RawRow]:
        for number, (path, name) in enumerate(zip(self._files, file_names(self._files), strict=True), 1):
            records = read_file(path, self._selection.encoding)
            first = first_records(records)
            self._check_columns(name, first)
            for record in replayed(first, records):
                raw_id = f"{self._source}/{record.place(name)}"
                if record.problem is not None:
                    if record.reason == REST:
                        log.warning("%s: %s", raw_id, record.problem)
                    self._put_aside(Drop(raw_id, record.reason, record.problem))
                elif not isinstance(record.value, dict):
                    kind = type(record.value).__name__
                    self._put_aside(Drop(raw_id, "wrong_type", f"the row is {kind}, not an object"))
                else:
                    self.num_read += 1
                    yield RawRow(raw_id, record.value)
            log.info("%s: file %d of %d read, %d rows so far", self._source, number, len(self._files), self.num_read)

    def take_unreadable(self) -> list[Drop]:
        taken, self._unreadable = self._unreadable, []
        return taken

    def _put_aside(self, drop: Drop) -> None:
        self.num_unreadable += 1
        self._unreadable.append(drop)

    def _check_columns(self, name: str, records: list[Parsed]) -> None:
        objects = [record.value for record in records if isinstance(record.value, dict)]
        if not records or any(set(self._columns) <= row.keys() for row in objects):
            return
        found = sorted({str(key) for row in objects for key in row})
        raise UserError(
            f"adapter {self._selection.adapter!r} expects the columns {', '.join(self._columns)}; "
            f"found {_shown(found) if found else _kinds(records)}",
            f"{name} of sources.{self._source}",
            "name the adapter that fits the file, set its options, or replace the file",
        )


def _shown(names: Iterable[str]) -> str:
    names = list(names)
    return ", ".join(names[:20]) + (f" and {len(names) - 20} more" if len(names) > 20 else "")


def _kinds(records: list[Parsed]) -> str:
    problems = [record.problem for record in records if record.problem]
    kinds = sorted({type(record.value).__name__ for record in records if not record.problem})
    return f"rows of {', '.join(kinds)}" if kinds else f"no readable row ({problems[0]})"
