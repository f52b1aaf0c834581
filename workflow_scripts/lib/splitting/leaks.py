"""Prompts and replies that stand in more than one split: what is tested must not have been learned."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np

from workflow_scripts.lib.dedup.shingles import batches, fold, keys_of
from workflow_scripts.lib.dedup.texts import Row, prompt_and_reply, rejected_reply
from workflow_scripts.lib.jsonl import read_rows

_EXAMPLES = 5


def count_leaks(files: dict[str, list[Path]]) -> dict[str, Any]:
    """Count texts that stand in several splits, over all uses together.

    Texts are compared without case, punctuation and space; 9 bytes a text are held in memory.

    Args:
        files: Split -> its files, one a use.

    Returns:
        ``{"prompts": {"distinct", "in_two_splits", "examples"}, "replies": likewise, chosen and rejected ones}``
    """
    found = {}
    for kind in ("prompts", "replies"):
        keys, splits = [np.zeros(0, np.uint64)], [np.zeros(0, np.int8)]
        for number, paths in enumerate(files.values()):
            for path in paths:
                for batch in batches((None, text) for row in read_rows(path) for text in _texts(row, kind)):
                    texts = [text for _, text in batch]
                    keys.append(keys_of(texts, fold(texts)))
                    splits.append(np.full(len(texts), number, np.int8))
        distinct, text = np.unique(np.concatenate(keys), return_inverse=True)
        low = np.full(len(distinct), len(files), np.int8)
        high = np.full(len(distinct), -1, np.int8)
        np.minimum.at(low, text, np.concatenate(splits))
        np.maximum.at(high, text, np.concatenate(splits))
        shared = distinct[low < high]
        found[kind] = {
            "distinct": len(distinct),
            "in_two_splits": len(shared),
            "examples": _examples(files, kind, set(shared[:_EXAMPLES].tolist())),
        }
    return found


def check_leaks(leaks: dict[str, Any]) -> None:
    """Check that no prompt stands in two splits.

    Raises:
        RuntimeError: If one does: a bug, or files of different runs.
    """
    prompts = leaks["prompts"]
    if prompts["in_two_splits"]:
        raise RuntimeError(f"{prompts['in_two_splits']} prompts stand in two splits, such as {prompts['examples'][0]}")


def _texts(row: Row, kind: str) -> list[str]:
    prompt, reply = prompt_and_reply(row)
    if kind == "prompts":
        return [prompt]
    rejected = rejected_reply(row)
    return [reply] if rejected is None else [reply, rejected]


def _examples(files: dict[str, list[Path]], kind: str, wanted: set[int]) -> list[list[str]]:
    """Return for each key the ids of the first row of each split that has it."""
    if not wanted:
        return []
    ids: dict[int, dict[str, str]] = {key: {} for key in sorted(wanted)}
    for split, row in _rows(files):
        texts = _texts(row, kind)
        for key in keys_of(texts, fold(texts)).tolist():
            if key in ids:
                ids[key].setdefault(split, row["id"])
    return [[f"{split}: {row_id}" for split, row_id in found.items()] for found in ids.values()]


def _rows(files: dict[str, list[Path]]) -> Iterable[tuple[str, Row]]:
    return ((split, row) for split, paths in files.items() for path in paths for row in read_rows(path))
