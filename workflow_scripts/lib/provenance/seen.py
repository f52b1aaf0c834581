"""Digests of files that were looked at before: a file with the size and time it had then is not read again."""

from pathlib import Path

from workflow_scripts.lib import jsonl
from workflow_scripts.lib.provenance import records

Signature = list[int]  # bytes, and nanoseconds of the last change


class SeenFiles:
    """Digests by path, kept in a file.

    Args:
        path: Of that file; it need not exist.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._changed = False
        try:
            self._known: dict[str, tuple[Signature, str]] = jsonl.read_json(path)
        except (FileNotFoundError, ValueError):  # never written, or by a disk that broke
            self._known = {}

    def digest(self, path: str) -> str:
        """Return the SHA-256 of a file.

        Raises:
            FileNotFoundError: If it is not there.
        """
        signature = _signature(path)
        if path not in self._known or self._known[path][0] != signature:
            self._known[path] = signature, records.file_digest(Path(path))
            self._changed = True
        return self._known[path][1]

    def note(self, digests: dict[str, str]) -> None:
        """Take digests for those of the files as they are now: they were just made, or read."""
        for path, digest in digests.items():
            if Path(path).is_file():
                self._known[path] = _signature(path), digest
                self._changed = True

    def is_same(self, path: str, digest: str) -> bool:
        """Return whether a file is there and has this digest."""
        return Path(path).is_file() and self.digest(path) == digest

    def save(self) -> None:
        if self._changed:
            jsonl.write_json(self.path, self._known)
            self._changed = False


def _signature(path: str) -> Signature:
    found = Path(path).stat()
    return [found.st_size, found.st_mtime_ns]
