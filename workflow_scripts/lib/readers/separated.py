"""Records of CSV and TSV files."""

import csv
from collections import deque
from collections.abc import Iterator

from workflow_scripts.lib.errors import UserError
from workflow_scripts.lib.readers.columns import check_columns
from workflow_scripts.lib.readers.lines import text_lines
from workflow_scripts.lib.readers.parsed import REST, Parsed

_MAX_CHARS = 1 << 23  # of one record, all its lines together; csv takes 4 bytes for each
_STRAY = 0.9  # least share of the lines after a quote that are whole rows for the quote to be a stray one


def separated(chunks: Iterator[str], newline: str, delimiter: str, name: str) -> Iterator[Parsed]:
    """Yield the rows below the header line as mappings of text.

    A quote that nothing closes, or that swallows lines which are rows themselves, costs its own line only.

    Raises:
        UserError: If two columns have one name.
    """
    csv.field_size_limit(2**31 - 1)  # _Lines has the bound
    lines = _Lines(text_lines(chunks, newline))
    reader = csv.reader(lines, delimiter=delimiter, strict=True)
    header = _header(reader, lines, name)
    row = -1
    while True:
        row += 1
        lines.begin()
        problem, reason = None, "unreadable"
        try:
            fields = next(reader, None)
        except csv.Error as error:
            fields, problem = [], str(error)
        except _TooLongError:
            fields, problem = [], f"longer than {_MAX_CHARS} characters"
        if fields is None:
            return
        if lines.is_unclosed:
            problem = "a quote is not closed"
        elif problem is None and fields and len(fields) != len(header):
            problem = f"{len(fields)} fields where the header has {len(header)}"
        elif problem is None and fields and [fields[0].removeprefix("\ufeff"), *fields[1:]] == header:
            problem = "the names of the columns once more"  # files were put one after another
        if problem is None:
            if fields:
                yield Parsed(row, dict(zip(header, fields, strict=True)))
            continue
        if lines.is_stray(delimiter, len(header)):
            lines.give_back()
            problem = f"a stray quote: {problem}"
        elif lines.is_unclosed:
            reason = REST
        elif lines.is_too_long:
            lines.skip_quoted()
        yield Parsed(row, problem=f"{problem}, {lines.place()}", reason=reason)


def _header(reader: Iterator[list[str]], lines: "_Lines", name: str) -> list[str]:
    try:
        header = next(reader, [])
    except (csv.Error, _TooLongError):
        header = []
    check_columns(header, name)
    if lines.is_unclosed or (not header and lines.pulled):
        raise UserError("the first line does not name the columns", name, "put the names of the columns there")
    return header


class _TooLongError(Exception):
    """Raised inside the csv module when one record goes on for too long."""


class _Lines:
    """Lines for the csv module, which remembers those of the record that is being read."""

    def __init__(self, lines: Iterator[str]) -> None:
        self.pulled: list[str] = []
        self.is_unclosed = self.is_too_long = False
        self._lines, self._again = lines, deque()
        self._line, self._length, self._num_quotes = 0, 0, 0
        self._first = 1

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        line = self._next()
        if line is None:
            self.is_unclosed = bool(self.pulled)  # csv asks for one more line only inside of quotes
            raise StopIteration
        self._length += len(line)
        self._num_quotes += line.count('"')
        self.is_too_long = self._length > _MAX_CHARS
        self.pulled.append(line if len(line) <= _MAX_CHARS else "")
        if self.is_too_long:
            raise _TooLongError
        return line + "\n"

    def begin(self) -> None:
        self.pulled, self._length, self._num_quotes, self._first = [], 0, 0, self._line + 1
        self.is_unclosed = self.is_too_long = False

    def is_stray(self, delimiter: str, width: int) -> bool:
        """Tell whether most lines after the first of this record are rows of their own."""
        others = [line for line in self.pulled[1:] if line.strip()]
        if not others:
            return self.is_unclosed and len(self.pulled) > 0
        whole = sum(_width(line, delimiter) == width for line in others)
        return whole >= _STRAY * len(others)

    def give_back(self) -> None:
        """Read all lines of this record but the first one again."""
        self._again.extendleft(reversed(self.pulled[1:]))
        self._line -= len(self.pulled) - 1
        del self.pulled[1:]

    def skip_quoted(self) -> None:
        """Go to the end of the quoted text that was left, if one was: the line with the odd quote."""
        del self.pulled[1:]
        while self._num_quotes % 2 and (line := self._next()) is not None:
            self._num_quotes += line.count('"')

    def _next(self) -> str | None:
        line = self._again.popleft() if self._again else next(self._lines, None)
        self._line += line is not None
        return line

    def place(self) -> str:
        return f"line {self._first}" if self._line == self._first else f"lines {self._first} to {self._line}"


def _width(line: str, delimiter: str) -> int:
    try:
        return len(next(csv.reader([line], delimiter=delimiter, strict=True), []))
    except csv.Error:
        return 0
