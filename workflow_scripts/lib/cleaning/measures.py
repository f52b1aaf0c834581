"""What is measured of a row, once, so that cleaning only has to compare numbers."""

import unicodedata
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import polars as pl

from workflow_scripts.lib.cleaning import marks
from workflow_scripts.lib.cleaning.blocklists import Blocklist, blocked_words
from workflow_scripts.lib.cleaning.characters import HAN, LETTER, UNUSUAL, Texts, kinds_of, texts_of, wrongly_decoded
from workflow_scripts.lib.cleaning.chunks import read_chunks
from workflow_scripts.lib.cleaning.ngrams import repetition
from workflow_scripts.lib.cleaning.refusals import refusal
from workflow_scripts.lib.cleaning.shapes import flags

TEXTS = pl.List(pl.String)
SCHEMA = {
    "id": pl.String,
    "messages": pl.UInt32,  # of the conversation: of prompt and chosen for pairs, and so below
    "turns": pl.UInt32,  # messages of the user
    "chars": pl.Int64,
    "bytes": pl.Int64,  # as UTF-8
    "han": pl.Int64,  # Han characters
    "han_ratio": pl.Float64,  # Han characters / letters
    "repetition": pl.Float64,  # 1 - distinct / total character n-grams
    "mojibake": pl.Float64,  # characters left by decoding in the wrong encoding / all
    "is_plain": pl.Boolean,  # in Unicode normal form C, no control characters, none beyond plane 3
    "lang": pl.String,
    "flags": TEXTS,  # what is wrong with its shape
    "blocked": TEXTS,  # lists that have a word or pattern of it,
    "blocked_words": TEXTS,  # and the first such word of each list
    "personal_data": TEXTS,  # kinds; also in the rejected reply
    "has_reasoning": pl.Boolean,  # <think> or </think> in a reply; also in the rejected one
    "refusal": pl.String,  # the boilerplate phrase in a reply; null: none
    "edits": TEXTS,  # what standardizing masked or stripped
    "chosen_chars": pl.Int64,  # these two are null for rows that are no pairs
    "rejected_chars": pl.Int64,
    "hash": pl.String,
}


def measure(rows: Path, ngram: int, blocklists: list[Blocklist]) -> Iterator[pl.DataFrame]:
    """Yield the measures of a file of standard rows, in order, in tables of bounded size.

    Args:
        rows: Standard rows, of either kind.
        ngram: Characters in the n-grams of ``repetition``.
        blocklists: Lists to look for.
    """
    for chunk in read_chunks(rows):
        yield _measured(chunk.with_row_index("row"), ngram, blocklists)


def _measured(chunk: pl.DataFrame, ngram: int, blocklists: list[Blocklist]) -> pl.DataFrame:
    messages = _messages(chunk, "conversation")
    rejected = _messages(chunk, "rejected")
    both = pl.concat([messages, rejected])
    numbers = _numbers(messages, len(chunk), ngram)
    found = [
        _signatures(messages, rejected),
        messages.group_by("row").agg(
            pl.len().alias("messages"),
            (pl.col("role") == "user").sum().alias("turns"),
            pl.col("content").str.len_bytes().sum().cast(pl.Int64).alias("bytes"),
            pl.col("content").str.len_chars().last().cast(pl.Int64).alias("chosen_chars"),
        ),
        rejected.select("row", pl.col("content").str.len_chars().cast(pl.Int64).alias("rejected_chars")),
        blocked_words(messages, blocklists),
        marks.personal_data(both),
        refusal(messages),
        marks.reasoning(both),
    ]
    rows = chunk.select("row", "id", "lang", "hash", "edits").hstack(numbers)
    for part in found:
        rows = rows.join(part, on="row", how="left", maintain_order="left")
    lists = [pl.col(name).fill_null([]) for name, kind in SCHEMA.items() if kind == TEXTS and name != "flags"]
    return rows.with_columns(
        *lists,
        pl.col("flags").fill_null(list(flags(""))),  # without a message there is no signature
        pl.col("messages", "turns", "bytes").fill_null(0),
        pl.col("has_reasoning").fill_null(False),
        pl.when(pl.col("rejected_chars").is_not_null()).then("chosen_chars").alias("chosen_chars"),
    ).select(pl.col(name).cast(kind) for name, kind in SCHEMA.items())


def _messages(chunk: pl.DataFrame, column: str) -> pl.DataFrame:
    """Return one line a message: ``row``, ``role``, ``content``."""
    return (
        chunk.select("row", column)
        .explode(column)
        .filter(pl.col(column).is_not_null())
        .select("row", pl.col(column).struct.field("role"), pl.col(column).struct.field("content"))
    )


def _numbers(messages: pl.DataFrame, num_rows: int, ngram: int) -> pl.DataFrame:
    contents = messages["content"].to_list()
    texts = texts_of(contents, messages["row"].to_numpy(), num_rows)
    kinds = kinds_of(texts)
    chars, han = texts.per_row(texts.lengths), texts.count((kinds & HAN) != 0)
    letters, broken = texts.count((kinds & LETTER) != 0), texts.count(wrongly_decoded(texts, kinds))
    return pl.DataFrame(
        {
            "chars": chars,
            "han": han,
            "han_ratio": han / np.maximum(letters, 1),
            "repetition": repetition(texts, ngram),
            "mojibake": broken / np.maximum(chars, 1),
            "is_plain": _is_plain(contents, texts, kinds),
        }
    )


def _is_plain(contents: list[str], texts: Texts, kinds: np.ndarray) -> np.ndarray:
    is_plain = texts.count((kinds & UNUSUAL) != 0) == 0
    if not unicodedata.is_normalized("NFC", "".join(contents)):  # if that is normal, so is every part of it
        is_other = np.fromiter((not unicodedata.is_normalized("NFC", text) for text in contents), bool, len(contents))
        is_plain &= texts.per_row(is_other) == 0
    return is_plain


def _folded(name: str) -> pl.Expr:
    return pl.col(name).str.replace_all(r"\s+", " ").str.strip_chars()


def _signatures(messages: pl.DataFrame, rejected: pl.DataFrame) -> pl.DataFrame:
    """Return the flags of each row: ``row``, ``flags``."""
    letter = pl.col("role").str.head(1)
    letter = pl.when(pl.col("content") == "").then(letter.str.to_uppercase()).otherwise(letter)
    conversations = messages.group_by("row", maintain_order=True).agg(
        letter.str.join().alias("signature"), pl.col("content").last().alias("reply")
    )
    is_same = pl.when(_folded("reply") == _folded("content")).then(pl.lit("=")).otherwise(pl.lit(""))
    other = rejected.join(conversations, on="row", how="left", maintain_order="left").select(
        "row", letter.alias("letter"), is_same.alias("same")
    )
    signed = conversations.join(other, on="row", how="left", maintain_order="left").select(
        "row",
        pl.when(pl.col("letter").is_null())
        .then("signature")
        .otherwise(pl.concat_str("signature", pl.lit("|"), "letter", "same"))
        .alias("signature"),
    )
    known = signed["signature"].unique().to_list()
    meaning = pl.DataFrame(
        {"signature": known, "flags": [list(flags(signature)) for signature in known]},
        schema={"signature": pl.String, "flags": TEXTS},
    )
    return signed.join(meaning, on="signature", how="left").select("row", "flags")
