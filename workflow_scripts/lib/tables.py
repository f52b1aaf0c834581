"""Parquet files: written whole or not at all, read in parts."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

_LINES = 65_536  # read at a time, and in a row group


class EvenWriter:
    """Writes row groups of one size: a file's bytes follow from its lines, and not from the parts they came in."""

    def __init__(self, writer: pq.ParquetWriter) -> None:
        self._writer = writer
        self._held: list[pa.Table] = []

    def write(self, lines: pa.Table | pa.RecordBatch) -> None:
        self._held.append(lines if isinstance(lines, pa.Table) else pa.Table.from_batches([lines]))
        if sum(table.num_rows for table in self._held) >= _LINES:
            held = pa.concat_tables(self._held)
            rest = held.num_rows % _LINES
            for start in range(0, held.num_rows - rest, _LINES):
                self._write(held.slice(start, _LINES))
            self._held = [held.slice(held.num_rows - rest)] if rest else []

    def finish(self) -> None:
        """Write the last lines, fewer than the others."""
        if any(table.num_rows for table in self._held):
            self._write(pa.concat_tables(self._held))

    def _write(self, lines: pa.Table) -> None:
        self._writer.write_table(lines.combine_chunks(), row_group_size=_LINES)  # pages end with chunks


@contextmanager
def atomic_parquet(path: Path, schema: pa.Schema) -> Iterator[EvenWriter]:
    """Open a Parquet file that takes its place only when the block ends without an error."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(path.name + ".part")
    try:
        with pq.ParquetWriter(part, schema, compression="zstd") as writer:
            even = EvenWriter(writer)
            yield even
            even.finish()
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


def read_batches(path: Path, columns: list[str] | None = None) -> Iterator[pa.RecordBatch]:
    """Yield the lines of a file, of all columns or of some, a bounded number at a time."""
    # pyarrow 26 would read the whole file ahead
    yield from pq.ParquetFile(path, pre_buffer=False).iter_batches(_LINES, columns=columns)


def joined(parts: Iterable[Path]) -> Iterator[pa.RecordBatch]:
    """Yield the lines of files, one file after another."""
    for part in parts:
        yield from read_batches(part)
