"""Records of Parquet files."""

import datetime
import decimal
from collections.abc import Callable, Iterator
from typing import Any, BinaryIO

import pyarrow as pa
import pyarrow.parquet as pq

from workflow_scripts.lib.readers.columns import check_columns
from workflow_scripts.lib.readers.parsed import REST, DamagedFileError, Parsed

_BAD_VALUE = (ValueError, OverflowError)  # text that is not UTF-8 among them
_BATCH_ROWS = 1024
_BATCH_BYTES = 1 << 26  # held in memory at once, if rows are alike


def parquet(stream: BinaryIO, name: str) -> Iterator[Parsed]:
    """Yield the rows of a Parquet file as mappings of what JSON can say; times and exact numbers become text.

    Raises:
        DamagedFileError: If it is no whole Parquet file.
        UserError: If two columns have one name.
    """
    try:
        file = pq.ParquetFile(stream, pre_buffer=False, buffer_size=1 << 20)
    except (pa.ArrowException, OSError) as error:
        raise DamagedFileError(_first_line(error)) from None
    check_columns(file.schema_arrow.names, name)
    num_rows, row = file.metadata.num_rows, 0
    try:
        for batch in file.iter_batches(batch_size=_rows_at_once(file.metadata), use_threads=False):
            for value in _values(batch):
                if isinstance(value, Exception):
                    yield Parsed(row, problem=f"text that is not UTF-8, or a value out of range, in row {row + 1}")
                else:
                    yield Parsed(row, value)
                row += 1
    except (pa.ArrowException, OSError) as error:
        lost = f"rows {row + 1} to {num_rows} were not read: damaged file ({_first_line(error)})"
        yield Parsed(row, problem=lost, reason=REST)


def _first_line(error: Exception) -> str:
    return str(error).partition("\n")[0][:80]


def _rows_at_once(metadata: pq.FileMetaData) -> int:
    groups = [metadata.row_group(number) for number in range(metadata.num_row_groups)]
    largest = max((group.total_byte_size / group.num_rows for group in groups if group.num_rows), default=1)
    return max(1, min(_BATCH_ROWS, int(_BATCH_BYTES / max(largest, 1))))


def _values(batch: pa.RecordBatch) -> list[Any]:
    """Return the rows; in place of one that cannot be read, the error."""
    convert = _unchanged if all(_is_json(field.type) for field in batch.schema) else _json
    try:
        return [convert(value) for value in batch.to_pylist()]
    except _BAD_VALUE:
        return [_value(batch.slice(index, 1), convert) for index in range(batch.num_rows)]


def _value(row: pa.RecordBatch, convert: Callable[[Any], Any]) -> Any:
    try:
        return convert(row.to_pylist()[0])
    except _BAD_VALUE as error:
        return error


def _unchanged(value: Any) -> Any:
    return value


def _is_json(kind: pa.DataType) -> bool:
    if pa.types.is_struct(kind):
        return all(_is_json(field.type) for field in kind)
    if pa.types.is_list(kind) or pa.types.is_large_list(kind) or pa.types.is_fixed_size_list(kind):
        return _is_json(kind.value_type)
    if pa.types.is_dictionary(kind):
        return _is_json(kind.value_type)
    is_text = pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind)
    is_number = pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_boolean(kind)
    return is_text or is_number or pa.types.is_null(kind)


def _json(value: Any) -> Any:
    if isinstance(value, dict):
        return {str(key): _json(each) for key, each in value.items()}
    if isinstance(value, (list, tuple)):
        return [_json(each) for each in value]
    if isinstance(value, bytes):
        return value.decode("utf-8", "surrogateescape")  # pictures and the like: no text, if anyone asks for it
    if isinstance(value, (datetime.date, datetime.time)):
        return value.isoformat()
    if isinstance(value, (decimal.Decimal, datetime.timedelta)):
        return str(value)
    return value
