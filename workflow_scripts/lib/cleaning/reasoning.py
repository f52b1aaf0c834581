"""Thoughts that reasoning models write between <think> and </think> before they answer."""

import re

MARK = r"(?i)</?think(?:ing)?>"
_MARK = re.compile(MARK)
_BLOCK = re.compile(r"<(think(?:ing)?)>(?:(?!</?think(?:ing)?>).)*</\1>\s*", re.IGNORECASE | re.DOTALL)
# Chat templates put <think> at the end of the prompt, so a reply may hold the closing mark only.
_HEAD = re.compile(r"\A(?:(?!<think(?:ing)?>).)*</think(?:ing)?>\s*", re.IGNORECASE | re.DOTALL)


def without_reasoning(reply: str) -> str:
    """Return a reply without its thoughts; a thought that is never closed stays, since nobody knows where it ends."""
    if not _MARK.search(reply):
        return reply
    return _HEAD.sub("", _BLOCK.sub("", reply)).strip()
