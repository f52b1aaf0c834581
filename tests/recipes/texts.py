"""Made-up sentences: no two alike, in words that no filter minds."""

import random
from pathlib import Path

_WORDS, _ENGLISH = (
    Path(__file__).with_name(f"words.{language}.txt").read_text(encoding="utf-8").split() for language in ("zh", "en")
)


def chinese(draws: random.Random, words: int = 24) -> str:
    """Return some sentences of so many words of two characters."""
    text = ""
    for number in range(words):
        text += draws.choice(_WORDS)
        text += "。" if number == words - 1 else "，" * (number % 5 == 4)
    return text


def english(draws: random.Random, words: int = 24) -> str:
    return " ".join(draws.choice(_ENGLISH) for _ in range(words)).capitalize() + "."


def couplet(draws: random.Random, metre: int) -> str:
    """Return two lines of verse of random Han characters."""
    first, second = ("".join(chr(draws.randrange(0x4E00, 0x9F00)) for _ in range(metre)) for _ in range(2))
    return f"{first}，{second}。"
