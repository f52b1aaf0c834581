"""The store: outputs of earlier steps, by digest, so that going back to an earlier value costs a link and no work.

``blobs/<sha256>`` are files, ``actions/<key>.json`` say which files a step made from what. A blob is a hard link of
the public file where the disk allows it, so it takes no room of its own before the public file is replaced.
Beside them stand files that steps put there themselves: splits named by their content, and ``harness/``, results of
evaluation tasks. Several folders of results may share a store (``sharing.py``).
"""

import fcntl
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

from workflow_scripts.lib.provenance import records
from workflow_scripts.lib.provenance.records import Record


@dataclass(frozen=True)
class Entry:
    """One kept step: its record, the bytes only it holds on to or shares, when it was used last, if it is in use."""

    record: Record
    num_bytes: int
    used_at: float
    in_use: bool


@dataclass(frozen=True)
class Loose:
    """A file that a step keeps in the store itself."""

    path: Path
    num_bytes: int
    used_at: float
    in_use: bool


class Store:
    """Outputs by the digest of what they were made from.

    Args:
        folder: Folder of the store.
    """

    def __init__(self, folder: Path) -> None:
        self.folder, self.blobs, self.actions = folder, folder / "blobs", folder / "actions"

    def keep(self, record: Record) -> None:
        """Keep a step's outputs."""
        self.blobs.mkdir(parents=True, exist_ok=True)
        for path, digest in record.outputs.items():
            if not (self.blobs / digest).exists():
                link_or_copy(Path(path), self.blobs / digest)
        records.write(self._action(record.key), record)

    def restore(self, key: str) -> Record | None:
        """Put the outputs of a step back under their public names; None if the store does not hold all of them.

        A blob whose bytes are no longer what its name says is removed.
        """
        record = records.read(self._action(key))
        if record is None or not all(self._is_whole(digest) for digest in record.outputs.values()):
            return None
        for path, digest in record.outputs.items():
            Path(path).parent.mkdir(parents=True, exist_ok=True)
            link_or_copy(self.blobs / digest, Path(path))
        os.utime(self._action(key))
        return record

    @contextmanager
    def reserved(self, key: str, tell_waiting: Callable[[], None]) -> Iterator[None]:
        """Let one run at a time make, or put back, the outputs of a key.

        The lock's file is removed at the end. That of a killed process stays, and the next one takes it.
        """
        path = self.folder / "at-work" / key
        path.parent.mkdir(parents=True, exist_ok=True)
        while True:
            with path.open("a") as lock:
                try:
                    fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                except BlockingIOError:
                    tell_waiting()
                    fcntl.flock(lock, fcntl.LOCK_EX)
                if not _is_named(lock, path):
                    continue  # whoever was waited for has removed it
                try:
                    yield
                finally:
                    path.unlink()
                return

    def holds(self, key: str) -> bool:
        """Return whether a step's outputs are there, without reading them."""
        record = records.read(self._action(key))
        return record is not None and all((self.blobs / digest).exists() for digest in record.outputs.values())

    def entries(self, current: list[Record]) -> list[Entry]:
        """Return what is kept, the longest unused first.

        Args:
            current: Records of the results as they are now; what they name is in use.
        """
        in_use = {record.key for record in current}
        found = []
        for path in self.actions.glob("*.json"):
            record = records.read(path)
            if record is not None:
                size = sum(_size(self.blobs / digest) for digest in set(record.outputs.values()))
                found.append(Entry(record, size, path.stat().st_mtime, record.key in in_use))
        return sorted(found, key=lambda entry: entry.used_at)

    def loose(self, splits: set[str]) -> list[Loose]:
        """Return the files that steps keep here themselves, the longest unused first.

        Args:
            splits: Names of the split files that the results are made of; they are in use.
        """
        files = [*self.folder.glob("*.jsonl"), *self.folder.glob("harness/*.json")]
        found = [Loose(path, _size(path), path.stat().st_mtime, path.name in splits) for path in files]
        return sorted(found, key=lambda file: file.used_at)

    def num_bytes(self) -> int:
        """Return the size of all blobs, each counted once, and of all other files kept, in bytes."""
        return sum(_size(path) for path in self.blobs.glob("*")) + sum(file.num_bytes for file in self.loose(set()))

    def prune(self, max_bytes: int, current: list[Record], splits: set[str]) -> list[Entry | Loose]:
        """Forget what was longest unused until the store is no larger than this, and return it.

        Splits come first: they are made again in seconds. What is in use stays, even if the store is then larger.

        Args:
            max_bytes: Size to shrink to.
            current: Records of the results as they are now; what they name is in use.
            splits: Names of the split files that they are made of.
        """
        gone: list[Entry | Loose] = []
        entries = self.entries(current)
        holders: dict[str, int] = {}
        for entry in entries:
            for digest in set(entry.record.outputs.values()):
                holders[digest] = holders.get(digest, 0) + 1
        kept = {digest for record in current for digest in record.outputs.values()}
        self._remove_blobs_but(set(holders) | kept)
        size = self.num_bytes()
        loose = self.loose(splits)
        is_split = {file.path: file.path.parent == self.folder for file in loose}
        for file in sorted(loose, key=lambda file: not is_split[file.path]):
            if size > max_bytes and not file.in_use:
                file.path.unlink()
                gone.append(file)
                size -= file.num_bytes
        for entry in entries:
            if size <= max_bytes:
                break
            if entry.in_use:
                continue
            self._action(entry.record.key).unlink()
            gone.append(entry)
            for digest in set(entry.record.outputs.values()):
                holders[digest] -= 1
                if holders[digest] == 0 and digest not in kept:
                    size -= _size(self.blobs / digest)
                    (self.blobs / digest).unlink(missing_ok=True)
        return gone

    def _remove_blobs_but(self, known: set[str]) -> None:
        """Remove files that no kept step names: a killed job's, or of steps that were forgotten."""
        for path in self.blobs.glob("*"):
            if path.name not in known:
                path.unlink()

    def _action(self, key: str) -> Path:
        return self.actions / f"{key}.json"

    def _is_whole(self, digest: str) -> bool:
        path = self.blobs / digest
        if not path.is_file():
            return False
        whole = records.file_digest(path) == digest
        if not whole:
            path.unlink()
        return whole


def link_or_copy(source: Path, target: Path) -> None:
    """Make ``target`` the same file as ``source``, or a copy where links are not possible, in one move."""
    if target.exists() and target.samefile(source):
        return  # moving a link onto another link of the same file would leave both
    part = target.with_name(f".{target.name}.{os.getpid()}.part")
    part.unlink(missing_ok=True)
    try:
        os.link(source, part)
    except OSError:  # another file system, or one without hard links
        shutil.copyfile(source, part)
    part.replace(target)


def _is_named(stream: TextIO, path: Path) -> bool:
    """Return whether an open file still is the one of this name."""
    try:
        return os.path.samestat(os.fstat(stream.fileno()), path.stat())
    except FileNotFoundError:
        return False


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0
