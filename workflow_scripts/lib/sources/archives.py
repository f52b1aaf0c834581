"""Members of wheels and npm packages, taken out without trusting the archive."""

import base64
import csv
import hashlib
import io
import shutil
import tarfile
import zipfile
from collections.abc import Iterable
from pathlib import Path, PurePosixPath
from typing import BinaryIO

from workflow_scripts.lib.errors import UserError
from workflow_scripts.lib.sources.globs import matcher
from workflow_scripts.lib.sources.names import is_unsafe


def extract_wheel(wheel: Path, glob: str, folder: Path) -> list[Path]:
    """Take the members that match the glob out of a wheel, and check each against the wheel's own RECORD.

    Raises:
        UserError: If nothing matches, a hash differs, or a member would land outside the folder.
    """
    with zipfile.ZipFile(wheel) as archive:
        members = [info for info in archive.infolist() if not info.is_dir()]
        hashes = _record(archive)
        files = []
        for info in _matching(members, [info.filename for info in members], glob, wheel):
            if (info.external_attr >> 16) & 0o170000 == 0o120000:
                raise _refused(info.filename, wheel, "a link")
            with archive.open(info) as stream:
                file = _write(stream, folder, info.filename, wheel)
            if _urlsafe_sha256(file) != hashes.get(info.filename):
                raise UserError(
                    f"{info.filename} does not have the hash that the wheel's RECORD gives", wheel.name, _AGAIN
                )
            files.append(file)
        return sorted(files)


def extract_npm(tarball: Path, glob: str, folder: Path) -> list[Path]:
    """Take the files that match the glob out of an npm package; names start below its one top folder.

    Raises:
        UserError: If nothing matches, or a member would land outside the folder.
    """
    with tarfile.open(tarball) as archive:
        members = [member for member in archive if not member.isdir()]
        names = [member.name.partition("/")[2] for member in members]
        files = []
        name_of = dict(zip(map(id, members), names, strict=True))
        for member in _matching(members, names, glob, tarball):
            name = name_of[id(member)]
            stream = archive.extractfile(member) if member.isreg() else None
            if stream is None:
                raise _refused(name, tarball, "a link or a device")
            files.append(_write(stream, folder, name, tarball))
        return sorted(files)


def check_integrity(file: Path, integrity: str) -> None:
    """Check a file against an npm integrity text, ``sha512-<base64>``.

    Raises:
        UserError: If the hash differs or is of another kind.
    """
    algorithm, _, expected = integrity.partition("-")
    if algorithm not in ("sha512", "sha384", "sha256"):
        raise UserError(f"integrity {integrity[:20]!r} is of no known kind", file.name, _AGAIN)
    with file.open("rb") as stream:
        found = base64.b64encode(hashlib.file_digest(stream, algorithm).digest()).decode()
    if found != expected:
        raise UserError(f"{file.name} does not have the hash that npm gives for it", file.name, _AGAIN)


_AGAIN = "fetch it again; if it stays so, do not trust this index"


def _matching(members: list, names: list[str], glob: str, archive: Path) -> list:
    pattern = matcher(glob)
    chosen = [member for member, name in zip(members, names, strict=True) if pattern.fullmatch(name)]
    if not chosen:
        near = ", ".join(sorted(names)[:5])
        raise UserError(f"nothing in {archive.name} matches {glob!r}", archive.name, f"it holds {near}, …")
    return chosen


def _write(stream: BinaryIO, folder: Path, name: str, archive: Path) -> Path:
    if is_unsafe(name):
        raise _refused(name, archive, "a path out of its folder")
    file = folder.joinpath(*PurePosixPath(name).parts)
    file.parent.mkdir(parents=True, exist_ok=True)
    with file.open("wb") as out:
        shutil.copyfileobj(stream, out, 1 << 20)
    return file


def _refused(name: str, archive: Path, what: str) -> UserError:
    return UserError(f"refused to extract {name!r}: {what}", archive.name, "do not use this archive")


def _record(archive: zipfile.ZipFile) -> dict[str, str]:
    names = [name for name in archive.namelist() if name.endswith(".dist-info/RECORD") and name.count("/") == 1]
    if len(names) != 1:
        raise UserError("the wheel has no RECORD of its files", str(archive.filename).rpartition("/")[2], _AGAIN)
    lines: Iterable[list[str]] = csv.reader(io.StringIO(archive.read(names[0]).decode("utf-8")))
    return {line[0]: line[1].removeprefix("sha256=") for line in lines if len(line) >= 2 and line[1]}


def _urlsafe_sha256(file: Path) -> str:
    with file.open("rb") as stream:
        digest = hashlib.file_digest(stream, "sha256").digest()
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
