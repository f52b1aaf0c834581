"""Numbers of tokens: proven bounds for every row, counted where they leave the verdict open."""

import json
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path

import polars as pl
from tokenizers import Tokenizer

from workflow_scripts.lib.cleaning.token_bounds import TokenBounds
from workflow_scripts.lib.config.fields import CountOrZero, Section, optional

CountTokens = Callable[[list[str]], list[int]]

# Rows whose tokens are counted whatever the bounds are: a quantile of 4,096 random rows is off by at most 1.6 % of the
# rows in two cases of three (the standard error of a share, at most 0.5 / sqrt(n), twice).
SAMPLE = 4096
COUNTED = ("tokens", "rejected_tokens")
SCHEMA = pl.Schema(
    {
        "least_tokens": pl.Int64,
        "most_tokens": pl.Int64,
        "is_sampled": pl.Boolean,
        "tokens": pl.Int64,
        "rejected_tokens": pl.Int64,
    }
)
_BATCH = 1024  # conversations tokenized at a time


class TokenLimits(Section):
    """Inclusive bounds on the tokens of a conversation; None switches one off."""

    min_tokens: optional(CountOrZero)
    max_tokens: optional(CountOrZero)


def bounded(measures: Path, bounds: TokenBounds | None) -> pl.DataFrame:
    """Return ``least_tokens``, ``most_tokens`` and ``is_sampled`` of every row; no bound is null.

    Args:
        measures: Measures of the rows.
        bounds: What the tokenizer proves; None: nothing.
    """
    columns = pl.scan_parquet(measures)
    least, most = pl.lit(0, pl.Int64), pl.lit(None, pl.Int64)
    if bounds is not None:
        least = -(-pl.col("han") // bounds.han_per_token)
        if bounds.chars_per_token is not None:
            least = pl.max_horizontal(least, -(-pl.col("chars") // bounds.chars_per_token))
        most = pl.col("bytes") + bounds.added_per_text * pl.col("messages")
        least, most = pl.when("is_plain").then(least).otherwise(0), pl.when("is_plain").then(most)
    # the content's hash is as good as a draw, and no order of rows or files changes it
    is_sampled = pl.col("hash").rank("ordinal") <= SAMPLE
    return columns.select(
        least.cast(pl.Int64).alias("least_tokens"),
        most.cast(pl.Int64).alias("most_tokens"),
        is_sampled.alias("is_sampled"),
    ).collect()


def is_open(limits: TokenLimits) -> pl.Expr:
    """Tell of a row's ``least_tokens`` and ``most_tokens`` whether they leave it open if it is within the limits."""
    most = pl.col("most_tokens").fill_null(2**62)
    asked = [pl.col("least_tokens").is_null()]  # never, but one value for each row
    if limits.min_tokens is not None:
        asked.append((pl.col("least_tokens") < limits.min_tokens) & (most >= limits.min_tokens))
    if limits.max_tokens is not None:
        asked.append((pl.col("least_tokens") <= limits.max_tokens) & (most > limits.max_tokens))
    return pl.any_horizontal(asked)


def counted(rows: Path, wanted: pl.Series, count_tokens: CountTokens) -> pl.DataFrame:
    """Return ``tokens`` and ``rejected_tokens`` (of pairs) of the wanted rows, null for the others.

    Chat template and special tokens are not counted.

    Args:
        rows: Standard rows.
        wanted: One truth value for each.
        count_tokens: Returns the number of tokens of each text.
    """
    tokens: dict[str, list[int | None]] = {name: [None] * len(wanted) for name in COUNTED}
    contents_of = _contents(rows, wanted)
    while batch := list(islice(contents_of, _BATCH)):
        counts = iter(count_tokens([content for _, _, contents in batch for content in contents]))
        for row, name, contents in batch:
            tokens[name][row] = sum(next(counts) for _ in contents)
    return pl.DataFrame(tokens, schema=dict.fromkeys(COUNTED, pl.Int64))


def counter(tokenizer: Path) -> CountTokens:
    """Return a function that counts the tokens of texts with a ``tokenizer.json``."""
    loaded = Tokenizer.from_file(str(tokenizer))
    loaded.no_truncation()
    loaded.no_padding()
    return lambda texts: list(map(len, loaded.encode_batch_fast(texts, add_special_tokens=False)))


def _contents(rows: Path, wanted: pl.Series) -> Iterator[tuple[int, str, list[str]]]:
    is_wanted = wanted.to_list()
    with rows.open("rb") as lines:
        for number, line in enumerate(lines):
            if is_wanted[number]:
                row = json.loads(line)
                messages = row["prompt"] + row["chosen"] if "prompt" in row else row["messages"]
                yield number, "tokens", [message["content"] for message in messages]
                if "rejected" in row:
                    yield number, "rejected_tokens", [message["content"] for message in row["rejected"]]
