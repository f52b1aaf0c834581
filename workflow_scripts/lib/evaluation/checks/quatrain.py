"""Is a text the closing couplet of a quatrain: two lines of five (or seven) Han characters, ``，`` and ``。``?"""

import re

from workflow_scripts.lib.text import HAN

_FOREIGN = re.compile(r"[^\W_]")
_HAN = re.compile(f"[{HAN}]")
_MARKS = re.compile(r"[^\w\s]")


def check_five(text: str, argument: str = "") -> str | None:
    return fault(text, 5)


def check_seven(text: str, argument: str = "") -> str | None:
    return fault(text, 7)


def fault(text: str, line_length: int, num_lines: int = 2) -> str | None:
    """Return the first fault of couplets that follow each other.

    One of ``empty``, ``foreign script``, ``line count``, ``punctuation``, ``line length``.
    """
    text = text.strip()
    if not text:
        return "empty"
    if _FOREIGN.search(_HAN.sub("", text)):
        return "foreign script"
    lines = [line.strip() for line in _MARKS.split(text) if line.strip()]
    if len(lines) != num_lines:
        return "line count"
    if "".join(_MARKS.findall(text)) != "，。" * (num_lines // 2) or not text.endswith("。") or re.search(r"\s", text):
        return "punctuation"
    if any(len(line) != line_length for line in lines):
        return "line length"
    return None
