"""Standard errors, paired bootstrap intervals and McNemar's test."""

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

CHUNK = 4_000_000  # resampling weights held at once: 32 MB
Statistic = Callable[[np.ndarray], np.ndarray]


@dataclass(frozen=True)
class Difference:
    """Second minus first, with the bounds of its 95 % interval, and how often chance alone goes as far (two-sided)."""

    delta: float
    low: float
    high: float
    p_value: float = 1.0

    @property
    def significant(self) -> bool:
        return self.low > 0 or self.high < 0


def mean_and_error(values: list[float]) -> tuple[float, float | None]:
    """Return mean and standard error s / sqrt(n), s with n - 1; the error of a single value is unknown."""
    array = np.asarray(values, dtype=float)
    error = float(array.std(ddof=1) / math.sqrt(len(array))) if len(array) > 1 else None
    return float(array.mean()), error


def ratio_and_error(numerators: list[float], denominators: list[float]) -> tuple[float, float | None]:
    """Return sum / sum and its standard error by linearization (Cochran 1977, Sampling Techniques, eq. 6.4)."""
    top, bottom = np.asarray(numerators, dtype=float), np.asarray(denominators, dtype=float)
    ratio = float(top.sum() / bottom.sum())
    count = len(top)
    if count < 2:
        return ratio, None
    squares = float(np.square(top - ratio * bottom).sum())
    return ratio, math.sqrt(count / (count - 1) * squares) / float(bottom.sum())


def bootstrap_difference(first: list[float], second: list[float], samples: int, seed: int) -> Difference:
    """Return the difference of two means over the same items, which are resampled together."""
    columns = np.stack([np.asarray(first, dtype=float), np.asarray(second, dtype=float)])
    return _bootstrap(columns, lambda sums: sums[..., 1] - sums[..., 0], samples, seed, per_item=True)


def bootstrap_ratio_difference(
    first: list[float],
    second: list[float],
    weights: list[float],
    samples: int,
    seed: int,
    transform: Statistic = np.asarray,
) -> Difference:
    """Return the difference of two ratios sum / sum of weights over the same rows, each passed through ``transform``.

    With nats, token counts and ``np.exp`` this compares two perplexities.
    """
    columns = np.stack([np.asarray(column, dtype=float) for column in (first, second, weights)])

    def difference(sums: np.ndarray) -> np.ndarray:
        before, after = (transform(sums[..., column] / sums[..., 2]) for column in (0, 1))
        return after - before

    return _bootstrap(columns, difference, samples, seed, per_item=False)


def _bootstrap(columns: np.ndarray, statistic: Statistic, samples: int, seed: int, *, per_item: bool) -> Difference:
    """Resample items, (columns, items), and take the 2.5 and 97.5 percentiles of a statistic of the column sums."""
    count = columns.shape[1]
    scale = count if per_item else 1
    random = np.random.default_rng(seed)
    step = max(1, CHUNK // count)
    found = []
    for start in range(0, samples, step):
        times = random.multinomial(count, np.full(count, 1 / count), size=min(step, samples - start))
        found.append(statistic(times @ columns.T / scale))
    drawn = np.concatenate(found)
    low, high = np.percentile(drawn, [2.5, 97.5])
    delta = float(statistic(columns.sum(axis=1) / scale))
    return Difference(delta, float(low), float(high), _p_value(delta, drawn))


def _p_value(delta: float, drawn: np.ndarray) -> float:
    """Return twice the share of resamples on the other side of 0 (Efron and Tibshirani 1993, section 15.4).

    Where none is there, so that the number of resamples is all that the share would tell, the normal distribution
    with their spread serves instead.
    """
    beyond = 1 + min(int((drawn <= 0).sum()), int((drawn >= 0).sum()))
    if beyond > 1:
        return min(1.0, 2 * beyond / (len(drawn) + 1))
    spread = float(drawn.std())
    normal = math.erfc(abs(delta) / (spread * math.sqrt(2))) if spread else 0.0
    return min(normal, 2 / (len(drawn) + 1))


def holm(p_values: list[float]) -> list[float]:
    """Return the p-values corrected for their number (Holm 1979): below 0.05 each, any error at all is that rare."""
    order = sorted(range(len(p_values)), key=p_values.__getitem__)
    corrected, largest = [0.0] * len(p_values), 0.0
    for rank, index in enumerate(order):
        largest = max(largest, min(1.0, (len(p_values) - rank) * p_values[index]))
        corrected[index] = largest
    return corrected


def mcnemar(first: list[bool], second: list[bool]) -> float:
    """Return the exact two-sided p-value that both are right equally often, from the items on which they differ."""
    lost = sum(one and not other for one, other in zip(first, second, strict=True))
    won = sum(other and not one for one, other in zip(first, second, strict=True))
    if not won + lost:
        return 1.0
    tail = sum(math.comb(won + lost, k) for k in range(min(won, lost) + 1))
    return min(1.0, 2 * tail / 2 ** (won + lost))
