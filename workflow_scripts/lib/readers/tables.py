"""Records of CSV, TSV and Parquet files, one at a time."""

import csv
from collections.abc import Iterator
from typing import Any, BinaryIO, TextIO

import pyarrow as pa
import pyarrow.parquet as pq

from workflow_scripts.lib.readers.lines import Parsed

_BATCH = 1024  # rows held in memory


def separated(stream: TextIO, delimiter: str) -> Iterator[Parsed]:
    """Yield the rows below the header line as mappings of text."""
    csv.field_size_limit(2**31 - 1)
    lines = csv.reader(stream, delimiter=delimiter)
    header = next(lines, [])
    row = -1
    while True:
        row += 1
        try:
            fields = next(lines, None)
        except csv.Error as error:
            yield Parsed(row, problem=str(error))
            continue
        if fields is None:
            return
        if not fields:
            continue
        if len(fields) != len(header):
            yield Parsed(row, problem=f"{len(fields)} fields where the header has {len(header)}")
        else:
            yield Parsed(row, dict(zip(header, fields, strict=True)))


def parquet(stream: BinaryIO) -> Iterator[Parsed]:
    """Yield the rows of a Parquet file as mappings.

    Raises:
        pyarrow.ArrowInvalid: If it is no whole Parquet file.
    """
    row = 0
    for batch in pq.ParquetFile(stream).iter_batches(batch_size=_BATCH):
        for value in _values(batch):
            if isinstance(value, UnicodeDecodeError):
                yield Parsed(row, problem="text that is not UTF-8")
            else:
                yield Parsed(row, value)
            row += 1


def _values(batch: pa.RecordBatch) -> Iterator[Any]:
    try:
        yield from batch.to_pylist()
    except UnicodeDecodeError:
        for index in range(batch.num_rows):
            try:
                yield batch.slice(index, 1).to_pylist()[0]
            except UnicodeDecodeError as error:
                yield error
