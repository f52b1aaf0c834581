"""What is measured of a row, once, so that cleaning only has to compare numbers."""

from collections.abc import Callable, Iterable, Iterator
from itertools import islice, pairwise
from typing import Any

import pyarrow as pa

from workflow_scripts.lib.text import han_ratio

Row = dict[str, Any]
CountTokens = Callable[[list[str]], list[int]]

SCHEMA = pa.schema(
    [
        ("id", pa.string()),
        ("chars", pa.int64()),  # of all messages; of prompt and chosen for pairs, and so below
        ("tokens", pa.int64()),  # special tokens and chat template not counted
        ("han_ratio", pa.float64()),  # Han characters / letters
        ("repetition", pa.float64()),  # 1 - distinct / total character n-grams
        ("lang", pa.string()),
        ("turns", pa.int64()),  # messages of the user
        ("flags", pa.list_(pa.string())),
        ("hash", pa.string()),
        ("chosen_chars", pa.int64()),  # these four are null for rows that are no pairs
        ("chosen_tokens", pa.int64()),
        ("rejected_chars", pa.int64()),
        ("rejected_tokens", pa.int64()),
    ]
)
_BATCH = 2048  # rows; also the size of a row group


def measure(rows: Iterable[Row], count_tokens: CountTokens, ngram: int) -> Iterator[pa.RecordBatch]:
    """Yield the measures of the rows, in order, in batches of bounded size.

    Args:
        rows: Standard rows, of either kind.
        count_tokens: Returns the number of tokens of each text.
        ngram: Characters in the n-grams of ``repetition``.
    """
    rows = iter(rows)
    while batch := list(islice(rows, _BATCH)):
        texts = [_contents(row) for row in batch]
        tokens = iter(count_tokens([text for contents in texts for text in contents]))
        measured = [
            _measured(row, contents, [next(tokens) for _ in contents], ngram)
            for row, contents in zip(batch, texts, strict=True)
        ]
        yield pa.RecordBatch.from_pylist(measured, schema=SCHEMA)


def repetition(texts: list[str], ngram: int) -> float:
    """Return 1 - distinct / total character n-grams over all texts, 0-1; 0 when no text is as long as an n-gram."""
    total = sum(max(0, len(text) - ngram + 1) for text in texts)
    if total == 0:
        return 0.0
    distinct: set[tuple[str, ...]] = set()
    for text in texts:
        distinct.update(zip(*(text[start:] for start in range(ngram)), strict=False))
    return 1 - len(distinct) / total


def flags(row: Row) -> list[str]:
    """Return what is wrong with the shape of a conversation or a pair; such rows cannot be trained on."""
    messages = row["prompt"] + row["chosen"] if "prompt" in row else row["messages"]
    roles = [message["role"] for message in messages if message["role"] != "system"]
    found = [f"empty_{role}" for role in ("user", "assistant") if _has_empty(messages, role)]
    if "rejected" in row and _has_empty(row["rejected"], "assistant"):
        found.append("empty_rejected")
    if "rejected" in row and row["rejected"] == row["chosen"]:
        found.append("same_answers")
    if "user" not in roles:
        found.append("no_user")
    if "assistant" not in roles:
        found.append("no_assistant")
    elif roles[-1] != "assistant":
        found.append(f"ends_with_{roles[-1]}")
    if "tool" not in roles and any(role == after for role, after in pairwise(roles)):
        found.append("roles_repeat")
    return found


def _contents(row: Row) -> list[str]:
    messages = row["prompt"] + row["chosen"] + row["rejected"] if "prompt" in row else row["messages"]
    return [message["content"] for message in messages]


def _measured(row: Row, contents: list[str], tokens: list[int], ngram: int) -> Row:
    is_pair = "prompt" in row
    kept = slice(None, -1 if is_pair else None)  # the rejected answer comes last
    texts = contents[kept]
    measured = {
        "id": row["id"],
        "chars": sum(map(len, texts)),
        "tokens": sum(tokens[kept]),
        "han_ratio": han_ratio("".join(texts)),
        "repetition": repetition(texts, ngram),
        "lang": row["lang"],
        "turns": sum(message["role"] == "user" for message in row["prompt" if is_pair else "messages"]),
        "flags": flags(row),
        "hash": row["hash"],
    }
    if is_pair:
        chosen, rejected = -2, -1
        measured |= {"chosen_chars": len(contents[chosen]), "chosen_tokens": tokens[chosen]}
        measured |= {"rejected_chars": len(contents[rejected]), "rejected_tokens": tokens[rejected]}
    return measured


def _has_empty(messages: list[dict[str, str]], role: str) -> bool:
    return any(message["role"] == role and not message["content"] for message in messages)
