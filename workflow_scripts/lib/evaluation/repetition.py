"""How much a text repeats itself."""


def repetition(text: str, ngram: int = 4) -> float:
    """Return 1 - distinct / total character n-grams, 0-1; 0 for a text shorter than one."""
    total = len(text) - ngram + 1
    if total < 1:
        return 0.0
    return 1 - len({text[start : start + ngram] for start in range(total)}) / total
