"""Bytes of a file, unpacked on the way."""

import gzip
import lzma
import tarfile
import zipfile
import zlib
from collections.abc import Callable
from typing import BinaryIO

import pyarrow as pa

from workflow_scripts.lib.readers.parsed import DamagedFileError

SUFFIXES = (".gz", ".xz", ".zst")
_PIECE = 1 << 13  # bytes
_UNPACKERS: dict[bytes, Callable[[BinaryIO], BinaryIO]] = {
    b"\x1f\x8b": lambda stream: gzip.GzipFile(fileobj=stream),
    b"\xfd7zXZ\x00": lzma.LZMAFile,
    b"\x28\xb5\x2f\xfd": lambda stream: Zstandard(stream),
}
_DAMAGE = (
    DamagedFileError,
    EOFError,
    gzip.BadGzipFile,
    zlib.error,
    lzma.LZMAError,
    zipfile.BadZipFile,
    tarfile.ReadError,
)


class ByteStream:
    """Bytes from the start to the end, with a look ahead; all of them, up to where a file is damaged.

    Args:
        raw: Anything with ``read1`` (or a ``read`` that may give less than asked for).
        is_plain: These are the bytes of a file as it lies on the disk.
    """

    def __init__(self, raw: BinaryIO, is_plain: bool = False) -> None:
        self.is_plain = is_plain
        self._read1 = getattr(raw, "read1", raw.read)
        self._head = b""
        self._damage: DamagedFileError | None = None
        self._is_over = False
        self.position = 0  # bytes handed out

    def peek(self, size: int) -> bytes:
        """Return the next bytes without taking them; fewer at the end of the file."""
        parts = [self._head]
        length = len(self._head)
        while length < size and (part := self._next(size - length)):
            parts.append(part)
            length += len(part)
        self._head = b"".join(parts)
        return self._head[:size]

    def read(self, size: int) -> bytes:
        """Return some of the next bytes, at most so many, or nothing at the end.

        Raises:
            DamagedFileError: At the place where no more bytes can be had.
        """
        if self._head:
            part, self._head = self._head[:size], self._head[size:]
        else:
            part = self._next(size)
            if not part and self._damage is not None:
                raise self._damage
        self.position += len(part)
        return part

    def _next(self, size: int) -> bytes:
        if self._is_over:
            return b""
        try:
            part = self._read1(size)
        except _DAMAGE as error:
            self._damage = DamagedFileError(str(error) or type(error).__name__)
            part = b""
        self._is_over = not part
        return part


def unpacked(stream: ByteStream) -> ByteStream:
    """Return the bytes that a compressed file holds, or those of the file if it is not compressed."""
    start = stream.peek(6)
    for magic, unpacker in _UNPACKERS.items():
        if start.startswith(magic):
            return ByteStream(unpacker(stream))
    return stream


class Zstandard:
    """A zstd file, read in small pieces: pyarrow keeps back the last one before the place where a file is damaged."""

    closed = False

    def __init__(self, stream: ByteStream) -> None:
        self._stream = stream
        self._unpacked = pa.CompressedInputStream(pa.PythonFile(self, mode="r"), "zstd")

    def read1(self, size: int) -> bytes:
        try:
            return self._unpacked.read(min(size, _PIECE))
        except OSError as error:
            raise EOFError(str(error)) from None

    def read(self, size: int) -> bytes:
        """Give pyarrow packed bytes."""
        return self._stream.read(size)

    def readable(self) -> bool:
        return True
