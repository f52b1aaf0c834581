"""Parquet files: written whole or not at all, read in parts."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

_BATCH = 65_536  # lines


@contextmanager
def atomic_parquet(path: Path, schema: pa.Schema) -> Iterator[pq.ParquetWriter]:
    """Open a Parquet file that takes its place only when the block ends without an error."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(path.name + ".part")
    try:
        with pq.ParquetWriter(part, schema, compression="zstd") as writer:
            yield writer
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


def read_batches(path: Path, columns: list[str] | None = None) -> Iterator[pa.RecordBatch]:
    """Yield the lines of a file, of all columns or of some, a bounded number at a time."""
    # pyarrow 26 would read the whole file ahead
    yield from pq.ParquetFile(path, pre_buffer=False).iter_batches(_BATCH, columns=columns)
