"""Which rows hold personal data or thoughts, found in columns; what is one is decided where it is edited."""

from collections.abc import Iterator

import polars as pl

from workflow_scripts.lib.cleaning.personal_data import MAYBE, masked
from workflow_scripts.lib.cleaning.reasoning import MARK


def personal_data(messages: pl.DataFrame) -> pl.DataFrame:
    """Return ``row`` and ``personal_data``, the kinds found in its messages, where there are any.

    Args:
        messages: Columns ``row`` and ``content``.
    """
    maybe = messages.filter(pl.col("content").str.contains(MAYBE))
    schema = {"row": messages.schema["row"], "personal_data": pl.String}
    pairs = pl.DataFrame(list(_kinds(maybe)), schema=schema, orient="row")
    return pairs.unique(maintain_order=True).sort("row", maintain_order=True).group_by("row", maintain_order=True).all()


def reasoning(messages: pl.DataFrame) -> pl.DataFrame:
    """Return ``row`` and ``has_reasoning``, true, of the rows with the mark of a thought in a reply.

    Args:
        messages: Columns ``row``, ``role`` and ``content``.
    """
    marked = messages.filter(pl.col("role") == "assistant", pl.col("content").str.contains(MARK))
    return marked.select("row", pl.lit(True).alias("has_reasoning")).unique("row", maintain_order=True)


def _kinds(messages: pl.DataFrame) -> Iterator[tuple[int, str]]:
    for row, content in messages.select("row", "content").iter_rows():
        for kind in masked(content)[1]:
            yield row, kind
