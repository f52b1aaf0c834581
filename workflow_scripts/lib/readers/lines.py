"""Records of JSON Lines files and JSON arrays, one at a time."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, TextIO

_CHUNK = 1 << 16  # characters
_DECODER = json.JSONDecoder(strict=False)  # tabs and other control characters inside text do no harm
_SPACE = " \t\r\n\ufeff"


@dataclass(frozen=True)
class Parsed:
    """Record number ``row`` (0-based) of a file: its value, or why it has none."""

    row: int
    value: Any = None
    problem: str | None = None


def json_lines(stream: TextIO) -> Iterator[Parsed]:
    """Yield one record a line; ``row`` counts lines, blank ones too, so that an editor finds it."""
    for row, line in enumerate(stream):
        line = line.strip(_SPACE)
        if not line:
            continue
        try:
            yield Parsed(row, _DECODER.decode(line))
        except (ValueError, RecursionError) as error:  # ValueError: also numbers of more than 4300 digits
            yield Parsed(row, problem=_problem(error))


def json_array(stream: TextIO) -> Iterator[Parsed]:
    """Yield the elements of one JSON array without reading all of it.

    After an element that is no JSON there is no telling where the next one starts, so it is the last.
    """
    buffer, position, row = stream.read(_CHUNK), 0, 0
    more = _CHUNK
    opened = False
    while True:
        while position < len(buffer) and buffer[position] in _SPACE:
            position += 1
        if position == len(buffer):
            buffer, position = stream.read(_CHUNK), 0
            if not buffer:
                yield Parsed(row, problem="the file ends inside the array")
                return
            continue
        if not opened or buffer[position] in ",]":
            if buffer[position] == "]":
                return
            position, opened = position + 1, True
            continue
        try:
            value, end = _DECODER.raw_decode(buffer, position)
            is_whole = end < len(buffer)  # a number could go on
        except (ValueError, RecursionError) as error:
            value, end, is_whole, failure = None, position, False, error
        else:
            failure = None
        if not is_whole:
            addition = stream.read(more)
            if addition:
                buffer, position, more = buffer[position:] + addition, 0, more * 2
                continue
            if failure is not None:
                yield Parsed(row, problem=_problem(failure))
                return
        yield Parsed(row, value)
        position, row, more = end, row + 1, _CHUNK


def _problem(error: ValueError | RecursionError) -> str:
    if isinstance(error, RecursionError):
        return "nested too deeply"
    if isinstance(error, json.JSONDecodeError):
        return f"{error.msg} at character {error.pos}"
    return str(error)
