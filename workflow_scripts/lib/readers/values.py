"""Records of JSON arrays, and of JSON values one after another that lines do not tell apart."""

import re
from collections.abc import Iterator

from workflow_scripts.lib.readers.json_text import MAX_CHARS, BadJsonError, JsonDecoder
from workflow_scripts.lib.readers.parsed import REST, Parsed
from workflow_scripts.lib.readers.window import Window

_CHUNK = 1 << 16  # characters
_BETWEEN = re.compile(r",\s{0,99}(?=\{)")
_MAX_WORK = 1 << 26  # characters looked through to find the next record after a broken one


def json_values(chunks: Iterator[str], encoding: str) -> Iterator[Parsed]:
    """Yield the elements of JSON arrays, and values outside of arrays, without holding the whole file.

    After a broken element the next one is looked for: where elements start on lines of their own, a line with the
    same indentation; else an object that has just the keys of those before. If it is not certain that what is found
    is an element, the rest of the file is one record with a problem that says how much was not read.

    Args:
        chunks: The text.
        encoding: Of the file, to count its bytes.
    """
    return _Values(Window(chunks, encoding)).records()


class _Values:
    def __init__(self, window: Window) -> None:
        self._window, self._decoder = window, JsonDecoder()
        self._row = self._depth = 0
        self._next_line: re.Pattern[str] | None = None  # finds the line on which the next element starts
        self._indent: str | None = ""  # before elements on their lines; None: they do not start on lines of their own
        self._is_flat = True  # elements have the same keys, and none holds another one
        self._is_found = False  # we stand at the element after a broken one
        self._keys: frozenset[str] | None = None  # of all elements so far

    def records(self) -> Iterator[Parsed]:
        window = self._window
        while (spaces := window.skip_space()) is not None:
            character = window.text[window.at]
            if character == "[" and not self._depth:
                self._depth, window.at = 1, window.at + 1
            elif character == "]" and self._depth:
                self._depth, window.at = 0, window.at + 1
            elif character == "," and self._depth:
                window.at += 1
            else:
                if not self._is_found:
                    self._see_line(spaces)
                self._is_found = False
                record = self._record()
                self._row += 1
                yield record
                if record.reason == REST:
                    return
        if self._depth:
            yield Parsed(self._row, problem="the file ends inside the array", reason=REST)

    def _record(self) -> Parsed:
        window, more = self._window, _CHUNK
        while True:
            try:
                value, end = self._decoder.first(window.text, window.at)
            except BadJsonError as error:
                if error.end is not None:
                    window.at = error.end
                    return Parsed(self._row, problem=error.problem, reason=error.reason)
                is_broken = not error.is_incomplete or len(window.text) - window.at > MAX_CHARS
                # In a file of lines the start of the next element shows at once that this one does not end.
                has_next = self._row and self._next_line and self._next_line.search(window.text, window.at)
                if is_broken or has_next or not window.grow(more):
                    return self._after_broken(error)
            else:
                if end < len(window.text) or not window.grow(more):  # a number could go on
                    self._learn(value, end)
                    window.at = end
                    return Parsed(self._row, value)
            more *= 2

    def _see_line(self, spaces: str) -> None:
        """Learn from the space before an element whether elements start on lines of their own."""
        _, newline, indent = spaces.rpartition("\n")
        if self._row == 0:
            self._indent = indent if newline else ""
            # With the brace alone on its line at the margin, inner objects may start there too.
            window = self._window
            if not self._indent and window.text[window.at + 1 : window.at + 2] in ("\r", "\n"):
                self._indent = None
        elif self._indent is not None and (not newline or indent != self._indent):
            self._indent = None
        if self._indent is None:
            self._next_line = None
        elif self._next_line is None:
            self._next_line = re.compile("\n" + re.escape(self._indent) + r"(?=\{)")

    def _learn(self, value: object, end: int) -> None:
        """Learn from a good element what others look like."""
        window = self._window
        if self._next_line and self._next_line.search(window.text, window.at, end):
            self._indent = self._next_line = None
        if not isinstance(value, dict) or not value:
            return
        if self._keys is None:
            self._keys = frozenset(value)
        elif self._is_flat and value.keys() != self._keys:
            self._is_flat = False
        if self._is_flat and window.text.count(f'"{next(iter(value))}"', window.at, end) > 1:
            self._is_flat = False

    def _after_broken(self, error: BadJsonError) -> Parsed:
        window = self._window
        start = window.byte(window.at)
        position = window.byte(error.position)
        by_keys = self._is_flat and self._keys is not None
        self._is_found = self._go_to_line() if self._next_line else by_keys and self._go_to_keys()
        if not self._is_found:
            end = window.go_to_end()
            lost = f"bytes {start} to {end}, the rest of the file, were not read"
            return Parsed(self._row, problem=f"{error.problem} at byte {position}; {lost}", reason=REST)
        lost = f"bytes {start} to {window.byte(window.at)} were not read"
        return Parsed(self._row, problem=f"{error.problem} at byte {position}; {lost}", reason=error.reason)

    def _go_to_line(self) -> bool:
        window, position = self._window, self._window.at + 1
        while True:
            found = self._next_line.search(window.text, position)
            if found:
                window.at = found.end()
                return True
            window.at = max(position, len(window.text) - len(self._indent) - 1)
            if not window.grow():
                return False
            position = 0

    def _go_to_keys(self) -> bool:
        window, position, more, work = self._window, self._window.at + 1, _CHUNK, 0
        while work < _MAX_WORK:
            found = _BETWEEN.search(window.text, position)
            if found is None:
                window.at = max(position, len(window.text) - 200)
                work += window.at - position
                if not window.grow():
                    return False
                position = 0
                continue
            position = found.end()
            try:
                value, end = self._decoder.first(window.text, position)
            except BadJsonError as error:
                work += error.position - position
                window.at = found.start()
                if error.is_incomplete and window.grow(more):
                    work, more, position = work + len(window.text), more * 2, 0
                continue
            work += end - position
            after = window.text[end : end + 99].lstrip()[:1]
            if isinstance(value, dict) and value.keys() == self._keys and after in (",", "]", ""):
                window.at = position
                return True
        return False
