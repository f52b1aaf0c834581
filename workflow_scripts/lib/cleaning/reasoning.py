"""Thoughts that reasoning models write between <think> and </think> before they answer."""

import re

import polars as pl

_MARK = re.compile(r"</?think(?:ing)?>", re.IGNORECASE)
_BLOCK = re.compile(r"<(think(?:ing)?)>(?:(?!</?think(?:ing)?>).)*</\1>\s*", re.IGNORECASE | re.DOTALL)
# Chat templates put <think> at the end of the prompt, so a reply may hold the closing mark only.
_HEAD = re.compile(r"\A(?:(?!<think(?:ing)?>).)*</think(?:ing)?>\s*", re.IGNORECASE | re.DOTALL)


def without_reasoning(reply: str) -> str:
    """Return a reply without its thoughts; a thought that is never closed stays, since nobody knows where it ends."""
    if not _MARK.search(reply):
        return reply
    return _HEAD.sub("", _BLOCK.sub("", reply)).strip()


def has_reasoning(messages: pl.DataFrame) -> pl.DataFrame:
    """Return ``row`` and ``has_reasoning``, true, of the rows with such a mark in a reply.

    Args:
        messages: Columns ``row``, ``role`` and ``content``.
    """
    marked = messages.filter(pl.col("role") == "assistant", pl.col("content").str.contains(f"(?i){_MARK.pattern}"))
    return marked.select("row", pl.lit(True).alias("has_reasoning")).unique("row", maintain_order=True)
