"""What every reader gives."""

from typing import Any, NamedTuple

REST = "rest_unread"  # reason of the one ledger line for all that was not read of a file


class Parsed(NamedTuple):
    """Record number ``row`` (0-based) of a file, or of a member of an archive: its value, or why it has none."""

    row: int
    value: Any = None
    problem: str | None = None
    reason: str = "unreadable"
    member: str = ""

    def place(self, file: str) -> str:
        """Return ``<file>#<row>``, or ``<archive>/<member>#<row>``."""
        return f"{file}/{self.member}#{self.row}" if self.member else f"{file}#{self.row}"


class DamagedFileError(Exception):
    """Raised where the bytes of a file end too early or cannot be unpacked; what came before was given out."""
