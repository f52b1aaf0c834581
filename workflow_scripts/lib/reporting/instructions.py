"""How alike the instructions are: the most frequent one, and the sentence patterns that they follow."""

import re
from collections import Counter
from collections.abc import Iterable
from itertools import count
from typing import Any

ENDS = 3  # units (a Han character, a word, a number, a mark) at an end that make a pattern: 续写这…, …句是？
FREQUENT = 0.01  # share of the instructions from which on such an end is that of a pattern, and not of a few rows
_UNIT = re.compile(r"[^\W\d_\u2e80-\U000323af]+|\d+|\S")
_NEAR = 100  # characters of a text in which its first or last units are looked for
SHOWN = 10  # patterns
# A model that sees one phrasing answers that phrasing: Self-Instruct (arXiv:2212.10560) and FLAN (arXiv:2109.01652,
# ten templates a task) vary theirs for this reason. From half of the rows on, one pattern is what is learned.
ONE_PATTERN = 0.5
FEW_PATTERNS = (10, 0.9)  # that many or fewer patterns cover that share of the rows


def diversity(instructions: Iterable[str]) -> dict[str, Any]:
    """Return the figures of the first user turns of a train split.

    An instruction's pattern is the more frequent of its opening and its ending; where both are rare it has none.
    ``patterns`` holds the most frequent ones, ``in_patterns`` the share of rows that follow any.
    """
    whole: Counter[str] = Counter(instructions)
    total = whole.total()
    if not total:
        return {"rows": 0, "distinct": 0, "most_frequent": None, "patterns": [], "num_patterns": 0, "in_patterns": 0.0}
    ends: Counter[str] = Counter()
    for text, times in whole.items():
        ends.update(dict.fromkeys(_ends(text), times))
    least = max(2, FREQUENT * total)
    patterns: Counter[str] = Counter()
    for text, times in whole.items():
        pattern = max(_ends(text), key=lambda end: ends[end])
        if ends[pattern] >= least:
            patterns[pattern] += times
    text, times = min(whole.items(), key=lambda item: (-item[1], item[0]))
    ordered = sorted(patterns.items(), key=lambda item: (-item[1], item[0]))
    return {
        "rows": total,
        "distinct": len(whole),
        "most_frequent": {"text": text, "share": _share(times, total)},
        "patterns": [{"pattern": pattern, "share": _share(found, total)} for pattern, found in ordered[:SHOWN]],
        "num_patterns": len(ordered),
        "in_patterns": _share(patterns.total(), total),
    }


def warning(use: str, found: dict[str, Any]) -> dict[str, str] | None:
    """Return what to warn of, in both languages; None if the instructions are varied."""
    if not found["rows"]:
        return None
    if found["most_frequent"]["share"] >= ONE_PATTERN:
        share = f"{found['most_frequent']['share']:.0%}"
        return {
            "en": f"{use}: {share} of the instructions are one and the same.",
            "zh": f"{use}：{share} 的指令完全相同。",
        }
    shares = [pattern["share"] for pattern in found["patterns"]]
    if shares and shares[0] >= ONE_PATTERN:
        return {
            "en": f"{use}: one sentence pattern makes up {shares[0]:.0%} of the instructions; "
            "the model will hardly follow others.",
            "zh": f"{use}：{shares[0]:.0%} 的指令是同一句式，模型恐怕听不懂别的说法。",
        }
    number = next(number for number in count(1) if sum(shares[:number]) >= FEW_PATTERNS[1] or number > len(shares))
    if number <= min(len(shares), FEW_PATTERNS[0]):
        covered = sum(shares[:number])
        return {
            "en": f"{use}: {number} sentence patterns make up {covered:.0%} of the instructions; "
            "the model will know few other phrasings.",
            "zh": f"{use}：{number} 种句式占指令的 {covered:.0%}，模型见过的说法不多。",
        }
    return None


def _ends(text: str) -> tuple[str, str]:
    """Return the opening and the ending of a text."""
    first, last = text[:_NEAR], text[-_NEAR:]
    opening, ending = list(_UNIT.finditer(first))[:ENDS], list(_UNIT.finditer(last))[-ENDS:]
    if not opening or not ending:
        return "…", "…"
    return f"{first[opening[0].start() : opening[-1].end()]}…", f"…{last[ending[0].start() :]}"


def _share(part: int, total: int) -> float:
    return round(part / total, 4)
