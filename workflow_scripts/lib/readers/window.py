"""A window on a text that is too long to hold."""

import re
from collections.abc import Iterator

from workflow_scripts.lib.readers.parsed import DamagedFileError

_CHUNK = 1 << 16  # characters
_SPACE = re.compile("[ \t\r\n\ufeff]*")
_KEPT_SPACE = 1000  # characters


class Window:
    """``text[at:]`` is what has not been read yet of the part that is held.

    Args:
        chunks: The text, in pieces that are not empty.
        encoding: Of the file, to count its bytes.
    """

    def __init__(self, chunks: Iterator[str], encoding: str) -> None:
        self.text, self.at = "", 0
        self._chunks, self._encoding = chunks, encoding
        self._before = 0  # bytes of the file before the window
        self._known = (0, 0)  # a position up to ``at``, and how many bytes come before it
        self._damage: DamagedFileError | None = None

    def grow(self, characters: int = _CHUNK) -> bool:
        """Forget what was read and add at least so many characters, if there are any; tell whether some came.

        Raises:
            DamagedFileError: When all that came before the damage has been given out.
        """
        parts, length = [], 0
        while length < characters and self._damage is None:
            try:
                chunk = next(self._chunks, "")
            except DamagedFileError as damage:
                self._damage = damage
                break
            if not chunk:
                break
            parts.append(chunk)
            length += len(chunk)
        if not parts:
            if self._damage is not None:
                raise self._damage
            return False
        self._before = self.byte(self.at)
        self._known = (0, self._before)
        self.text, self.at = "".join([self.text[self.at :], *parts]), 0
        return True

    def skip_space(self) -> str | None:
        """Go to the next character that is no space, and return the spaces; None at the end of the text."""
        spaces = ""
        while True:
            start = self.at
            self.at = _SPACE.match(self.text, start).end()
            spaces = (spaces + self.text[start : self.at])[-_KEPT_SPACE:]
            if self.at < len(self.text):
                return spaces
            if not self.grow():
                return None

    def go_to_end(self) -> int:
        """Skip all that is left, and return how many bytes the file has."""
        self.at = len(self.text)
        while self.grow():
            self.at = len(self.text)
        return self.byte(self.at)

    def byte(self, position: int) -> int:
        """Return how many bytes of the file come before a position of the window."""
        known, count = self._known if position >= self._known[0] else (0, self._before)
        count += len(self.text[known:position].encode(self._encoding, "surrogateescape"))
        if position <= self.at:
            self._known = (position, count)
        return count
