"""Raw files in pieces, one after another: whole files, and of JSON Lines stretches of whole lines."""

import hashlib
import itertools
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from workflow_scripts.lib.errors import UserError
from workflow_scripts.lib.readers.files import encoding_of_lines, file_names, read_file, read_lines
from workflow_scripts.lib.readers.parsed import Parsed

_AT_ONCE = 1 << 20  # bytes


@dataclass(frozen=True)
class Piece:
    """A raw file, or a stretch of one.

    Attributes:
        file: Its path.
        name: By which row ids call it.
        start: Where the stretch starts, in bytes.
        end: Where it ends.
        first_row: Number of its first line, 0-based.
        encoding: Of the lines; None: this is a whole file, of any format.
        sha256: Of the bytes of the piece.
    """

    file: str
    name: str
    start: int = 0
    end: int = 0
    first_row: int = 0
    encoding: str | None = None
    sha256: str = ""

    @property
    def path(self) -> Path:
        return Path(self.file)

    def records(self, encoding: str | None) -> Iterator[Parsed]:
        """Yield its records; ``encoding`` is the one that the config gives for the file."""
        if self.encoding is None:
            yield from read_file(self.path, encoding)
        else:
            with self.path.open("rb") as raw:
                raw.seek(self.start)
                yield from read_lines(_Stretch(raw, self.end - self.start), self.first_row, self.encoding)

    def check(self) -> None:
        """Check that the bytes are those that were counted when the files were divided.

        Raises:
            UserError: If not.
        """
        if not self.path.is_file() or _counted(self.path, self.start, self.end)[0] != self.sha256:
            raise UserError(
                "has changed, or gone, since the files were divided",
                self.file,
                "run the workflow again: it starts anew",
            )


def whole(files: list[Path]) -> list[Piece]:
    """Return each file as one piece that nothing is known of."""
    return [Piece(str(path), name) for path, name in zip(files, file_names(files), strict=True)]


def divided(files: list[Path], count: int, encoding: str | None) -> list[list[Piece]]:
    """Return the pieces of each of ``count`` shards of about the same number of bytes; a shard may have none.

    A file that cannot be read from the middle is in the shard in which it starts.

    Args:
        files: Raw files.
        count: Number of shards.
        encoding: That the config gives for them.
    """
    sizes = [path.stat().st_size for path in files]
    bounds = [sum(sizes) * number // count for number in range(1, count)]
    shards: list[list[Piece]] = [[] for _ in range(count)]
    before = 0  # bytes in the files before
    for path, name, size in zip(files, file_names(files), sizes, strict=True):
        shard = bisect_right(bounds, before)
        inside = [bound - before for bound in bounds[shard:] if bound < before + size]
        told = encoding_of_lines(path, encoding) if inside else None
        if told is None:
            digest, _ = _counted(path, 0, size)
            shards[shard].append(Piece(str(path), name, end=size, sha256=digest))
        else:
            cuts = [0, *(_next_line(path, place) for place in inside), size]
            row = 0
            for number, (start, end) in enumerate(itertools.pairwise(cuts), shard):
                if start < end:
                    digest, num_lines = _counted(path, start, end)
                    is_first = start == 0  # the mark of an encoding stands before the first line only
                    own = told if is_first else told.removesuffix("-sig")
                    shards[number].append(Piece(str(path), name, start, end, row, own, digest))
                    row += num_lines
        before += size
    return shards


def _next_line(path: Path, place: int) -> int:
    """Return where the first line starts that starts here or later."""
    with path.open("rb") as stream:
        stream.seek(place - 1)
        while part := stream.readline(_AT_ONCE):
            if part.endswith(b"\n"):
                break
        return stream.tell()


def _counted(path: Path, start: int, end: int) -> tuple[str, int]:
    """Return SHA-256 and number of line ends of a stretch."""
    digest, num_lines = hashlib.sha256(), 0
    with path.open("rb") as stream:
        stream.seek(start)
        while start < end and (part := stream.read(min(_AT_ONCE, end - start))):
            digest.update(part)
            num_lines += part.count(b"\n")
            start += len(part)
    return digest.hexdigest(), num_lines


class _Stretch:
    """The next bytes of an open file, so many and no more."""

    def __init__(self, raw: BinaryIO, size: int) -> None:
        self._raw, self._left = raw, size

    def read(self, size: int) -> bytes:
        part = self._raw.read(min(size, self._left))
        self._left -= len(part)
        return part
