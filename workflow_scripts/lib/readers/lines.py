"""Records of JSON Lines files, one a line."""

from collections.abc import Iterator

from workflow_scripts.lib.readers.json_text import MAX_CHARS, BadJsonError, JsonDecoder
from workflow_scripts.lib.readers.parsed import Parsed

SPACE = " \t\r\n\ufeff"


def json_lines(chunks: Iterator[str], newline: str, first_row: int = 0) -> Iterator[Parsed]:
    """Yield one record a line; ``row`` counts lines, blank ones too, so that an editor finds it."""
    whole = JsonDecoder().whole
    for row, line in enumerate(text_lines(chunks, newline), first_row):
        text = line.strip(SPACE)
        if len(line) > MAX_CHARS:
            yield Parsed(row, problem=f"longer than {MAX_CHARS} characters, line {row + 1}")
        elif text:
            try:
                yield Parsed(row, whole(text))
            except BadJsonError as error:
                place = f"character {error.position + 1} of line {row + 1}"
                yield Parsed(row, problem=f"{error.problem} at {place}", reason=error.reason)
        del line, text  # they may be very long, and the next one is not read yet


def text_lines(chunks: Iterator[str], newline: str) -> Iterator[str]:
    """Yield lines without their end. Of a line longer than MAX_CHARS comes a piece that is too long as well."""
    pieces: list[str] = []
    length = 0
    for chunk in chunks:
        first, *others = chunk.split(newline)
        if length <= MAX_CHARS:
            pieces.append(first)
            length += len(first)
        if others:
            line = "".join(pieces)
            pieces = others[-1:]
            length = len(pieces[0])
            yield line
            del line
            yield from others[:-1]
    if last := "".join(pieces):
        yield last
