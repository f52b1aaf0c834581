"""Standard rows as tables, a bounded number of bytes at a time."""

import io
from collections.abc import Iterator
from pathlib import Path

import polars as pl
import pyarrow as pa
from pyarrow import json

_BYTES = 8 << 20  # of a chunk; what is computed from it takes some twenty times as much memory
_MESSAGES = pa.list_(pa.struct([("role", pa.string()), ("content", pa.string())]))
_SCHEMA = pa.schema(
    [
        ("id", pa.string()),
        ("messages", _MESSAGES),
        ("prompt", _MESSAGES),
        ("chosen", _MESSAGES),
        ("rejected", _MESSAGES),
        ("lang", pa.string()),
        ("meta", pa.struct([("edits", pa.list_(pa.string()))])),
        ("hash", pa.string()),
    ]
)
_PARSING = json.ParseOptions(explicit_schema=_SCHEMA, unexpected_field_behavior="ignore")


def read_chunks(path: Path) -> Iterator[pl.DataFrame]:
    """Yield whole rows of a file of standard rows, in order.

    Columns: ``id``, ``lang``, ``hash``, ``edits``, ``conversation`` (the messages; of a pair those of prompt and
    chosen) and ``rejected`` (null where there is none).
    """
    with path.open("rb") as stream:
        while block := stream.read(_BYTES):
            block += stream.readline()
            # one block of Arrow's, since it refuses a row that reaches over two ends of them
            reading = json.ReadOptions(use_threads=False, block_size=len(block) + 1)
            rows = pl.from_arrow(json.read_json(io.BytesIO(block), read_options=reading, parse_options=_PARSING))
            yield rows.select(
                "id",
                "lang",
                "hash",
                pl.col("meta").struct.field("edits").fill_null([]),
                pl.coalesce("messages", pl.concat_list("prompt", "chosen")).alias("conversation"),
                "rejected",
            )
