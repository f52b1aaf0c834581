"""Raw files of any format, told by content first and suffix second."""

import gzip
import io
import zlib
from collections.abc import Iterator
from pathlib import Path, PurePath
from typing import BinaryIO

import pyarrow as pa

from workflow_scripts.lib.errors import UserError
from workflow_scripts.lib.readers.lines import Parsed, json_array, json_lines
from workflow_scripts.lib.readers.tables import parquet, separated

_FORMATS = "a JSON array, JSON Lines, CSV, TSV or Parquet, plain or gzipped"


def read_file(path: Path) -> Iterator[Parsed]:
    """Yield the records of a raw file; what cannot be read of it is a record with a problem.

    Text is UTF-8 with or without BOM. Bytes that are not become lone surrogates, so that only their row is lost.

    Raises:
        UserError: If the file's format is unknown or the file is damaged.
    """
    try:
        with _opened(path) as stream:
            yield from _records(path, stream)
    except (EOFError, gzip.BadGzipFile, zlib.error, pa.ArrowInvalid) as error:
        raise UserError(f"damaged file ({error})", path.name, "fetch it again, or replace it by a whole one") from None


def file_names(files: list[Path]) -> list[str]:
    """Return the names by which row ids call the files: as many last parts of the path as tell them apart.

    >>> file_names([Path("a/train.json"), Path("b/train.json")])
    ['a/train.json', 'b/train.json']
    """
    depth = 1
    while True:
        names = [PurePath(*file.parts[-depth:]).as_posix() for file in files]
        if len(set(names)) == len(files) or depth >= max(len(file.parts) for file in files):
            return [name.encode("utf-8", "replace").decode("utf-8") for name in names]
        depth += 1


def _opened(path: Path) -> BinaryIO:
    stream = path.open("rb")
    is_gzip = stream.read(2) == b"\x1f\x8b"
    stream.seek(0)
    return io.BufferedReader(gzip.GzipFile(fileobj=stream)) if is_gzip else stream


def _records(path: Path, stream: BinaryIO) -> Iterator[Parsed]:
    start = stream.peek(1 << 12)[: 1 << 12]
    if start.startswith(b"PAR1"):
        yield from parquet(stream if stream.seekable() and not _is_gzip(stream) else io.BytesIO(stream.read()))
        return
    text = io.TextIOWrapper(stream, encoding="utf-8-sig", errors="surrogateescape", newline="")
    suffix = _suffix(path)
    if suffix in (".csv", ".tsv"):
        yield from separated(text, "\t" if suffix == ".tsv" else ",")
        return
    first = start.removeprefix(b"\xef\xbb\xbf").lstrip()
    if first.startswith(b"["):
        yield from json_array(text)
    elif first.startswith(b"{") or suffix in (".jsonl", ".ndjson"):
        yield from _checked_lines(path, json_lines(text))
    elif first:
        raise UserError(f"unknown format, the file starts with {first[:20]!r}", path.name, f"give {_FORMATS}")


def _checked_lines(path: Path, lines: Iterator[Parsed]) -> Iterator[Parsed]:
    head = next(lines, None)
    if head is None:
        return
    second = next(lines, None) if head.problem else None
    if head.problem and _suffix(path) == ".json" and second is not None and second.problem:
        raise UserError("the file is one JSON object over many lines", path.name, f"give {_FORMATS}")
    yield head
    if second is not None:
        yield second
    yield from lines


def _suffix(path: Path) -> str:
    name = path.name.lower().removesuffix(".gz")
    return PurePath(name).suffix


def _is_gzip(stream: BinaryIO) -> bool:
    return isinstance(getattr(stream, "raw", None), gzip.GzipFile)
