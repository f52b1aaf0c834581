"""Which format a text has, told by how it starts."""

import itertools
from typing import Literal

from workflow_scripts.lib.readers.json_text import BadJsonError, JsonDecoder
from workflow_scripts.lib.readers.lines import SPACE
from workflow_scripts.lib.readers.transcripts import is_transcript

Format = Literal["lines", "values", "csv", "tsv", "transcript", "empty", "unknown"]

_LINES = 50  # of the start that are looked at


def format_of(start: str, newline: str, suffix: str) -> Format:
    """Return the format of a text.

    Args:
        start: Its first characters, hundreds of thousands if it has so many.
        newline: What ends its lines.
        suffix: Of the file's name, such as ``.jsonl``.
    """
    lines = [line.strip(SPACE) for line in start.split(newline)]
    lines = [line for line in lines if line][:_LINES]
    first = lines[0][0] if lines else ""
    if suffix in (".csv", ".tsv") and not (first == "{" and _is_json(lines[0])):
        return suffix.removeprefix(".") if lines else "empty"
    if first == "{":
        has_line = any(line.startswith("{") and _is_json(line) for line in lines)
        return "lines" if has_line or len(lines) == 1 or not _is_laid_out(lines) else "values"
    if first == "[":
        whole = [line[0] in "[{" and _is_json(line) for line in lines]
        # Elements of an array have a comma between them: two whole values one below the other are lines.
        has_pair = any(one and other for one, other in itertools.pairwise(whole))
        return "lines" if has_pair else "values"
    if not lines:
        return "empty"
    if suffix in (".jsonl", ".ndjson"):
        return "lines"
    return "transcript" if is_transcript(start) else "unknown"


def _is_laid_out(lines: list[str]) -> bool:
    """Tell whether an object goes on over several lines, as `json.dumps(…, indent=2)` writes it."""
    return lines[0] == "{" or not any(line.startswith("{") for line in lines[1:])


def _is_json(line: str) -> bool:
    try:
        JsonDecoder().whole(line)
    except BadJsonError as error:
        return error.end == len(line)
    return True
