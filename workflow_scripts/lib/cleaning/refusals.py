"""Boilerplate in which a model speaks of itself instead of answering."""

from pathlib import Path

import polars as pl

from workflow_scripts.lib.cleaning.blocklists import read_blocklist


def refusal(messages: pl.DataFrame) -> pl.DataFrame:
    """Return ``row`` and ``refusal``, the first such phrase in a reply, where there is one.

    Args:
        messages: Columns ``row``, ``role`` and ``content``.
    """
    phrases = read_blocklist("refusals", Path(__file__).with_name("refusals.txt")).words
    content = pl.col("content")
    said = messages.filter(
        pl.col("role") == "assistant", content.str.contains_any(phrases, ascii_case_insensitive=True)
    )
    phrase = content.str.extract_many(phrases, ascii_case_insensitive=True).list.first()
    return said.select("row", phrase.alias("refusal")).unique("row", keep="first", maintain_order=True)
