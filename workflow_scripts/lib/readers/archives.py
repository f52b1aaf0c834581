"""Files inside of tar and zip archives, read where they are: nothing is written to disk."""

import re
import tarfile
import zipfile
from collections.abc import Iterator
from pathlib import PurePosixPath
from typing import BinaryIO, NamedTuple

from workflow_scripts.lib.errors import UserError
from workflow_scripts.lib.readers.byte_stream import ByteStream
from workflow_scripts.lib.readers.parsed import DamagedFileError

_ZIP = (b"PK\x03\x04", b"PK\x05\x06")
_TAR = (257, b"ustar")  # the magic and its place
_PIECE = 1 << 13  # bytes: what may be lost before the place where a tar file is damaged


class Member(NamedTuple):
    """A file in an archive: its bytes, or why it is not read."""

    name: str
    content: ByteStream | None
    problem: str | None = None


def is_zip(stream: ByteStream) -> bool:
    return stream.peek(4) in _ZIP


def is_tar(stream: ByteStream) -> bool:
    place, magic = _TAR
    return stream.peek(place + len(magic))[place:] == magic


def tar_members(stream: ByteStream, archive: str) -> Iterator[Member]:
    """Yield the files of a tar archive in their order; each must be read before the next one is asked for.

    Raises:
        UserError: If a name leads out of the archive.
        DamagedFileError: Where the archive is damaged.
    """
    names = _Names(archive)
    try:
        with tarfile.open(fileobj=stream, mode="r|") as members:
            for member in members:
                if member.isdir():
                    continue
                name = names.checked(member.name)
                if name is None:
                    continue
                if not member.isreg() or member.issparse():
                    kind = "a sparse file" if member.issparse() else "a link or a device"
                    yield Member(name, None, f"{kind} in the archive is not read")
                else:
                    yield Member(name, ByteStream(_Small(members.extractfile(member))))
    except (tarfile.TarError, EOFError, ValueError) as error:
        raise DamagedFileError(str(error)) from None


def zip_members(stream: BinaryIO, archive: str) -> Iterator[Member]:
    """Yield the files of a zip archive in their order.

    Raises:
        UserError: If a name leads out of the archive, or the archive is damaged.
    """
    names = _Names(archive)
    try:
        packed = zipfile.ZipFile(stream)
    except (zipfile.BadZipFile, ValueError, NotImplementedError) as error:  # zipfile's for a later version of zip
        raise UserError(f"damaged file ({error})", archive, "fetch it again, or replace it by a whole one") from None
    with packed:
        for info in packed.infolist():
            if info.is_dir():
                continue
            name = names.checked(info.filename)
            if name is None:
                continue
            problem = None
            if (info.external_attr >> 16) & 0o170000 == 0o120000:
                problem = "a link in the archive is not read"
            elif info.flag_bits & 1:
                problem = "it needs a password"
            if problem:
                yield Member(name, None, problem)
                continue
            try:
                content = packed.open(info)
            except (zipfile.BadZipFile, NotImplementedError, OSError) as error:  # zipfile's for unknown compression
                yield Member(name, None, f"damaged, or packed in an unknown way ({error})")
            else:
                with content:
                    yield Member(name, ByteStream(content))


class _Small:
    """A member of a tar file, read in small pieces: where the file is damaged the last piece is lost."""

    def __init__(self, content: BinaryIO) -> None:
        self._content = content

    def read(self, size: int) -> bytes:
        return self._content.read1(min(size, _PIECE))


class _Names:
    """Names as ids use them, each given once."""

    def __init__(self, archive: str) -> None:
        self._archive = archive
        self._seen: set[str] = set()

    def checked(self, name: str) -> str | None:
        """Return the name; None for files that are hidden, as those that an operating system adds.

        Raises:
            UserError: If the name leads out of the archive.
        """
        parts = re.split(r"[/\\]", name)
        if not name or parts[0] == "" or ".." in parts or re.match("[A-Za-z]:", name) or "\0" in name:
            raise UserError(
                f"refused {name!r}: a path out of the archive",
                self._archive,
                "do not use this archive, or pack its files again under plain names",
            )
        parts = [part for part in parts if part not in (".", "")]
        if any(part.startswith(".") or part == "__MACOSX" for part in parts):
            return None
        plain = PurePosixPath(*parts).as_posix().encode("utf-8", "backslashreplace").decode("utf-8")
        plain = "".join(character if character.isprintable() else f"\\x{ord(character):02x}" for character in plain)
        found, number = plain, 1
        while found in self._seen:
            number += 1
            found = f"{plain}~{number}"
        self._seen.add(found)
        return found
