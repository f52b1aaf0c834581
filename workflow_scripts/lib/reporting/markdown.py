"""Pieces of Markdown in which nothing that a source or a config says is taken for markup."""

import re
from collections.abc import Iterable

_SHOWN = 300  # characters of one message
_LINE_BREAKS = re.compile("\r\n|[\n\r\x0b\x0c\x1c-\x1e\x85\u2028\u2029]")
# control characters, and marks of writing direction that would turn the rest of the line
_INVISIBLE = re.compile("[\x00-\x1f\x7f-\x9f\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff]")
_MARKUP = re.compile(r"([\\`*_\[\]|~<>&$])")


def table(header: list[str], rows: Iterable[list[str]]) -> str:
    """Return a table; cells are Markdown, made by ``escaped`` or ``code`` where they hold foreign text."""
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def escaped(text: str) -> str:
    """Return text that Markdown shows as it is, in one line."""
    return _MARKUP.sub(r"\\\1", one_line(text)).replace("\\<", "&lt;").replace("\\>", "&gt;").replace("\\&", "&amp;")


def code(text: str) -> str:
    """Return text as code, for a table cell too."""
    text = one_line(text).replace("`", "'").replace("|", "\\|")
    return f"`{text}`" if text else ""


def block(lines: Iterable[str]) -> str:
    """Return lines as an indented block, in which Markdown and HTML mean nothing."""
    return "\n".join(f"    {one_line(line)}".rstrip() for line in lines)


def one_line(text: str) -> str:
    return _INVISIBLE.sub("", _LINE_BREAKS.sub(" ⏎ ", text))


def shortened(text: str) -> str:
    return text if len(text) <= _SHOWN else text[: _SHOWN - 1] + "…"
