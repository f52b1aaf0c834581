"""Raw files of any format, told by content first and suffix second."""

import codecs
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePath
from typing import BinaryIO

from workflow_scripts.lib.errors import UserError
from workflow_scripts.lib.readers.archives import is_tar, is_zip, tar_members, zip_members
from workflow_scripts.lib.readers.byte_stream import SUFFIXES, ByteStream, unpacked
from workflow_scripts.lib.readers.columnar import parquet
from workflow_scripts.lib.readers.encodings import decoded, encoding_of, with_mark
from workflow_scripts.lib.readers.formats import Format, format_of
from workflow_scripts.lib.readers.lines import json_lines
from workflow_scripts.lib.readers.parsed import REST, DamagedFileError, Parsed
from workflow_scripts.lib.readers.separated import separated
from workflow_scripts.lib.readers.transcripts import transcripts
from workflow_scripts.lib.readers.values import json_values

_FORMATS = (
    "JSON Lines, a JSON array, CSV, TSV, Parquet or a transcript with speakers (User: …), "
    "plain or packed as gz, xz, zst, tar or zip"
)
_PARQUET = b"PAR1"
_SAMPLE = 1 << 18  # bytes that are looked at to tell format and encoding


def read_file(path: Path, encoding: str | None) -> Iterator[Parsed]:
    """Yield the records of a raw file, or of all files in an archive; what cannot be read is a record with a problem.

    Args:
        path: The file.
        encoding: Of its text; None: GB18030 if that is certain, else UTF-8 with or without BOM.

    Raises:
        UserError: If the file's format is unknown, nothing of it can be read, or an archive has unsafe names.
    """
    with path.open("rb") as raw:
        stream = unpacked(ByteStream(raw, is_plain=True))
        last = None
        try:
            for last in _of_file(stream, raw, path.name, encoding):
                yield last
        except DamagedFileError as damage:
            if last is None:
                raise _damaged(path, damage) from None
            problem = f"the rest of the file was not read: damaged after {stream.position} bytes ({damage})"
            yield Parsed(last.row + 1, problem=problem, reason=REST, member=last.member)


def encoding_of_lines(path: Path, encoding: str | None) -> str | None:
    """Return what a file of JSON Lines is written in that can be read from any line on; None: it is no such file.

    Args:
        path: The file.
        encoding: As for ``read_file``.
    """
    with path.open("rb") as raw:
        stream = ByteStream(raw, is_plain=True)
        if unpacked(stream) is not stream or is_zip(stream) or is_tar(stream) or stream.peek(4) == _PARQUET:
            return None
        kind, newline, encoding = _told(stream, path.name, encoding)
        return encoding if (kind, newline) == ("lines", "\n") else None


def read_lines(raw: BinaryIO, first_row: int, encoding: str) -> Iterator[Parsed]:
    """Yield the records of a part of a file of JSON Lines.

    Args:
        raw: The part, from the start of a line.
        first_row: Number of its first line in the file, 0-based.
        encoding: As ``encoding_of_lines`` says.
    """
    return json_lines(decoded(ByteStream(raw), encoding), "\n", first_row)


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


def _of_file(stream: ByteStream, raw: BinaryIO, name: str, encoding: str | None) -> Iterator[Parsed]:
    if is_zip(stream):
        with _seekable(stream, raw) as file:
            for member in zip_members(file, name):
                yield from _of_member(member.name, member.content, member.problem, encoding)
    elif is_tar(stream):
        for member in tar_members(stream, name):
            yield from _of_member(member.name, member.content, member.problem, encoding)
    else:
        records = _records(stream, raw, name, encoding)
        if records is None:
            start = stream.peek(20)
            raise UserError(
                f"unknown format, the file starts with {start!r}", name, f"give {_FORMATS}; or take the file away"
            )
        yield from records


def _of_member(name: str, content: ByteStream | None, problem: str | None, encoding: str | None) -> Iterator[Parsed]:
    """Yield the records of a file in an archive; one that cannot be read costs no other file."""
    row = -1
    if content is not None:
        content = unpacked(content)
        try:
            if is_zip(content) or is_tar(content):
                problem = "an archive in an archive is not read"
            else:
                records = _records(content, None, name, encoding)
                if records is None:
                    problem = f"unknown format, it starts with {content.peek(20)!r}"
                for record in records or ():
                    row = record.row
                    yield record._replace(member=name)
        except DamagedFileError as damage:
            problem = f"the rest of this file was not read: damaged ({damage})"
            yield Parsed(row + 1, problem=problem, reason=REST, member=name)
            return
        except UserError as error:
            problem = error.what
    if problem is not None:
        yield Parsed(row + 1, problem=problem, member=name)


def _records(stream: ByteStream, raw: BinaryIO | None, name: str, encoding: str | None) -> Iterator[Parsed] | None:
    """Return the records of one file; None if its format is unknown."""
    if stream.peek(4) == _PARQUET:
        return _parquet(stream, raw, name)
    kind, newline, encoding = _told(stream, name, encoding)
    chunks = decoded(stream, encoding)
    match kind:
        case "lines":
            return json_lines(chunks, newline)
        case "values":
            return json_values(chunks, encoding)
        case "csv":
            return separated(chunks, newline, ",", name)
        case "tsv":
            return separated(chunks, newline, "\t", name)
        case "transcript":
            return transcripts(chunks, newline)
        case "empty":
            return _nothing(chunks)
        case "unknown":
            return None


def _told(stream: ByteStream, name: str, encoding: str | None) -> tuple[Format, str, str]:
    """Return format, newline and encoding of a text."""
    sample = stream.peek(_SAMPLE)
    encoding = with_mark(encoding or encoding_of(sample), sample)
    start = codecs.getincrementaldecoder(encoding)("surrogateescape").decode(sample)
    newline = "\n" if "\n" in start or "\r" not in start else "\r"
    return format_of(start, newline, _suffix(name)), newline, encoding


def _parquet(stream: ByteStream, raw: BinaryIO | None, name: str) -> Iterator[Parsed]:
    with _seekable(stream, raw) as file:
        yield from parquet(file, name)


def _nothing(chunks: Iterator[str]) -> Iterator[Parsed]:
    """Yield a problem if a file that starts with blank space only holds more than that."""
    for chunk in chunks:
        if chunk.strip():
            yield Parsed(0, problem="the file starts with too much blank space to tell its format", reason=REST)
            return


@contextmanager
def _seekable(stream: ByteStream, raw: BinaryIO | None) -> Iterator[BinaryIO]:
    """Open the file itself, or what it unpacks to in a file without a name."""
    if raw is not None and stream.is_plain:
        yield raw
    else:
        with tempfile.TemporaryFile() as file:
            shutil.copyfileobj(stream, file, 1 << 20)
            file.seek(0)
            yield file


def _suffix(name: str) -> str:
    name = name.lower()
    packing = next((suffix for suffix in SUFFIXES if name.endswith(suffix)), "")
    return PurePath(name.removesuffix(packing)).suffix


def _damaged(path: Path, error: Exception) -> UserError:
    return UserError(f"damaged file ({error})", path.name, "fetch it again, or replace it by a whole one")
