"""A layer around a model that answers with a refusal where prompt or reply holds a word of a blocklist."""

from pathlib import Path

import polars as pl

from workflow_scripts.lib.cleaning.blocklists import Blocklist, blocked_words, own_blocklists, read_blocklist


def lists_named(names: list[str], files: list[Path]) -> list[Blocklist]:
    """Return blocklists by their names in the config: our own, and the others from their files, in the same order."""
    own, theirs = {blocklist.name: blocklist for blocklist in own_blocklists()}, iter(files)
    return [own[name] if name in own else read_blocklist(name, next(theirs)) for name in names]


def blocked(prompts: list[str], replies: list[str], blocklists: list[Blocklist]) -> list[str | None]:
    """Return for each prompt and its reply the word by which the layer would refuse, or None."""
    texts = {"row": [*range(len(prompts)), *range(len(replies))], "content": [*prompts, *replies]}
    found = blocked_words(pl.DataFrame(texts), blocklists)
    words = dict(zip(found["row"], found["blocked_words"], strict=True))
    return [words[row][0] if row in words else None for row in range(len(prompts))]
