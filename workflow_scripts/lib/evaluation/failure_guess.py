"""A guess at what is wrong with a reply, from rules: good enough to sort by, not to judge by."""

import re
from pathlib import Path

from workflow_scripts.lib.evaluation.failure_types import Failure
from workflow_scripts.lib.text import HAN

REPEATS = 0.5  # share of repeated 4-grams above which a reply goes round in circles
LETTERS = 8  # of a reply that can be expected to share a word with its prompt; "100" cannot
_RUNS = re.compile(f"[{HAN}]+|[A-Za-z]+")
_LINES = Path(__file__).with_suffix(".txt").read_text(encoding="utf-8").splitlines()
_UNSAFE = [re.compile(line) for line in _LINES if line and not line.startswith("#")]


def guess(
    prompt: str,
    reply: str,
    *,
    in_language: bool,
    stopped: bool,
    repetition: float,
    passed: bool | None,
    failing_means: Failure | None,
) -> Failure:
    """Return the first failure that fits, ``none`` if no rule finds one.

    Args:
        prompt: What the user asked last.
        in_language: Whether the reply is in the language that was asked for.
        stopped: Whether it ended by itself.
        repetition: Share of its 4-grams that were there before, 0-1.
        passed: Whether the prompt's check passed; None where there is none.
        failing_means: What it means when that check fails.
    """
    if any(pattern.search(reply) for pattern in _UNSAFE):
        return "unsafe"
    if not reply.strip():
        return "other"
    if not in_language:
        return "off_topic"
    if repetition > REPEATS:
        return "verbose"
    if passed is False and failing_means == "factual_error" and is_off_topic(prompt, reply):
        return "off_topic"
    if passed is False:
        return failing_means or "other"
    if passed is None and is_off_topic(prompt, reply):
        return "off_topic"
    return "none" if stopped else "verbose"


def is_off_topic(prompt: str, reply: str) -> bool:
    """Tell whether a reply of some length, in the prompt's script, shares no word or pair of characters with it."""
    asked, said = _words(prompt), _words(reply)
    comparable = any(word.isascii() for word in asked) == any(word.isascii() for word in said)
    return comparable and sum(map(str.isalpha, reply)) >= LETTERS and not asked & said


def _words(text: str) -> set[str]:
    found = set()
    for run in _RUNS.findall(text):
        found |= {run.lower()} if run.isascii() else {run[start : start + 2] for start in range(len(run) - 1)}
    return found
