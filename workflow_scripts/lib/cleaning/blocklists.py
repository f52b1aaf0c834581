"""Lists of words and patterns that a row must not hold: three of our own beside this module, and files of the user."""

from dataclasses import dataclass
from pathlib import Path

import polars as pl

from workflow_scripts.lib.cleaning.bounds import OWN_BLOCKLISTS
from workflow_scripts.lib.errors import UserError

_PATTERN = "re:"


@dataclass(frozen=True)
class Blocklist:
    """A list by its name in the config: words, and regular expressions in the syntax of Rust's ``regex``."""

    name: str
    words: list[str]
    patterns: list[str]


def own_blocklists() -> list[Blocklist]:
    """Return the lists that come with the project."""
    return [read_blocklist(name, Path(__file__).with_name(f"blocklists.{name}.txt")) for name in OWN_BLOCKLISTS]


def read_blocklist(name: str, path: Path) -> Blocklist:
    """Read a list: one entry a line, ``re:`` before a regular expression, ``#`` begins a comment line.

    Raises:
        UserError: If it is no UTF-8 text, holds no entry, or a pattern is none.
    """
    try:
        lines = [line.strip() for line in path.read_text(encoding="utf-8-sig").splitlines()]
    except UnicodeDecodeError:
        raise UserError(f"{path.name} is not UTF-8 text", f"clean.blocklists: {name}", "save it as UTF-8") from None
    entries = [(number, line) for number, line in enumerate(lines, 1) if line and not line.startswith("#")]
    if not entries:
        raise UserError(f"{path.name} has no entry", f"clean.blocklists: {name}", "write one word or re:pattern a line")
    patterns = [(number, line[len(_PATTERN) :].strip()) for number, line in entries if line.startswith(_PATTERN)]
    for number, pattern in patterns:
        try:
            matches_nothing = not pl.Series([""]).str.contains(pattern, strict=True).item()
        except pl.exceptions.ComputeError as error:
            problem = str(error).strip().splitlines()[-1].removeprefix("error: ")
            raise UserError(
                f"{pattern!r} is no regular expression: {problem}",
                f"clean.blocklists: {name}, line {number}",
                "correct it; the syntax is that of https://docs.rs/regex, without look-around",
            ) from None
        if not (pattern and matches_nothing):
            raise UserError(
                f"{pattern!r} matches empty text, and so every row",
                f"clean.blocklists: {name}, line {number}",
                "make the pattern ask for at least one character",
            )
    words = [line for _, line in entries if not line.startswith(_PATTERN)]
    return Blocklist(name, words, [pattern for _, pattern in patterns])


def blocked_words(messages: pl.DataFrame, blocklists: list[Blocklist]) -> pl.DataFrame:
    """Return ``row``, ``blocked`` (names of lists) and ``blocked_words`` (the first of each) where there are any.

    Words match anywhere, ASCII letters in either case.

    Args:
        messages: Columns ``row`` and ``content``.
        blocklists: What to look for.
    """
    found = pl.DataFrame(schema={"row": messages.schema["row"], "blocked": pl.String, "blocked_words": pl.String})
    content = pl.col("content")
    for blocklist in blocklists:
        hits = []
        if blocklist.words:
            word = content.str.extract_many(blocklist.words, ascii_case_insensitive=True).list.first()
            is_hit = content.str.contains_any(blocklist.words, ascii_case_insensitive=True)
            hits.append(messages.filter(is_hit).select("row", word.alias("blocked_words")))
        for pattern in blocklist.patterns:
            hit = messages.filter(content.str.contains(pattern))
            hits.append(hit.select("row", content.str.extract(pattern, 0).alias("blocked_words")))
        first = pl.concat(hits).unique("row", keep="first", maintain_order=True)
        found = pl.concat([found, first.select("row", pl.lit(blocklist.name).alias("blocked"), "blocked_words")])
    return found.group_by("row", maintain_order=True).agg("blocked", "blocked_words")
