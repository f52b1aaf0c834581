"""How many rows each source gives."""

from fractions import Fraction

import numpy as np


def shares_of(total: int, weights: dict[str, float]) -> dict[str, int]:
    """Divide a number of rows by weight; what does not divide goes to the largest remainders, first source first."""
    exact = {name: total * Fraction(weight) / sum(map(Fraction, weights.values())) for name, weight in weights.items()}
    shares = {name: int(value) for name, value in exact.items()}
    by_remainder = sorted(weights, key=lambda name: shares[name] - exact[name])
    for name in by_remainder[: total - sum(shares.values())]:
        shares[name] += 1
    return shares


def most_others(num_zh: int, min_zh_ratio: float) -> int | None:
    """Return how many rows of other languages may stand beside ``num_zh`` Chinese ones; None: any number."""
    ratio = Fraction(str(min_zh_ratio))
    return None if ratio == 0 else int(num_zh * (1 - ratio) / ratio)


def lowest(draws: np.ndarray, count: int) -> np.ndarray:
    """Return the positions of the lowest draws, in their old order: an added row pushes out at most one other."""
    return np.sort(np.argsort(draws, kind="stable")[:count])
