"""Standard errors, bootstrap intervals and McNemar's test against values worked out by hand or by SciPy."""

import math
import random
import re
from collections.abc import Callable

import numpy as np
import pytest
from scipy import stats

from workflow_scripts.lib.evaluation import statistics
from workflow_scripts.lib.evaluation.statistics import Difference


def test_mean_and_error_by_hand() -> None:
    # deviations -2, 0, 2: s² = 8 / 2, s = 2, 2 / √3
    assert statistics.mean_and_error([1, 3, 5]) == (3.0, pytest.approx(2 / math.sqrt(3)))


def test_the_error_of_one_value_is_unknown() -> None:
    assert statistics.mean_and_error([4.0]) == (4.0, None)
    assert statistics.ratio_and_error([4.0], [2]) == (2.0, None)


def test_mean_and_error_as_scipy() -> None:
    values = [random.Random(1).gauss(0, 3) for _ in range(50)]
    assert statistics.mean_and_error(values)[1] == pytest.approx(stats.sem(values))


def test_ratio_of_equal_denominators_is_a_mean() -> None:
    ratio, error = statistics.ratio_and_error([2, 6, 10], [2, 2, 2])
    assert (ratio, error) == pytest.approx(statistics.mean_and_error([1, 3, 5]))


def test_ratio_weighs_long_rows_more() -> None:
    # 30 nats over 10 tokens; residuals 10 - 3·2 = 4 and 20 - 3·8 = -4: √(2 / 1 · 32) / 10
    assert statistics.ratio_and_error([10, 20], [2, 8]) == (3.0, pytest.approx(0.8))


@pytest.mark.parametrize(
    ("first", "second", "significant"),
    [([0.0] * 40, [1.0] * 40, True), ([0, 1] * 20, [1, 0] * 20, False), ([1, 2, 3, 4], [1, 2, 3, 4], False)],
)
def test_bootstrap_of_clear_cases(first: list, second: list, significant: bool) -> None:
    found = statistics.bootstrap_difference(first, second, 500, 42)
    assert found.significant is significant
    assert found.low <= found.delta <= found.high
    assert found.delta == pytest.approx(np.mean(second) - np.mean(first))


def test_bootstrap_is_paired() -> None:
    """Items differ a hundred times more than the stages do: only item by item can the change be seen."""
    draw = random.Random(3)
    first = [draw.gauss(0, 100) for _ in range(60)]
    second = [value + draw.gauss(1, 0.5) for value in first]
    found = statistics.bootstrap_difference(first, second, 2000, 0)
    assert 0.8 < found.low < 1.0 < found.high < 1.3


def test_bootstrap_interval_as_scipy() -> None:
    draw = np.random.default_rng(5)
    first = draw.normal(size=80)
    second = first + draw.normal(0.3, 1, size=80)
    found = statistics.bootstrap_difference(list(first), list(second), 20_000, 0)
    reference = stats.bootstrap(
        (second - first,), np.mean, n_resamples=20_000, method="percentile", rng=np.random.default_rng(9)
    ).confidence_interval
    assert (found.low, found.high) == pytest.approx((reference.low, reference.high), abs=0.01)


@pytest.mark.parametrize("shift", [0.0, 0.15, 0.25, 3.0])
def test_bootstrap_p_is_near_that_of_the_t_test(shift: float) -> None:
    draw = np.random.default_rng(5)
    first = draw.normal(size=200)
    second = first + draw.normal(shift, 1, size=200)
    found = statistics.bootstrap_difference(list(first), list(second), 20_000, 0)
    reference = stats.ttest_rel(second, first).pvalue
    assert found.p_value == pytest.approx(reference, rel=0.25, abs=1e-9)
    assert (found.p_value < 0.05) == found.significant


def test_the_seed_decides() -> None:
    first, second = [0, 1, 0, 1, 1, 0, 1], [1, 1, 0, 1, 0, 1, 1]
    one, again, other = (statistics.bootstrap_difference(first, second, 300, seed) for seed in (1, 1, 2))
    assert one == again
    assert isinstance(other, Difference) and other.delta == one.delta


def test_chunks_do_not_change_the_result(monkeypatch: pytest.MonkeyPatch) -> None:
    first, second = [0.0, 1, 4, 2, 5], [1.0, 1, 3, 2, 9]
    whole = statistics.bootstrap_difference(first, second, 400, 7)
    monkeypatch.setattr(statistics, "CHUNK", 35)
    assert statistics.bootstrap_difference(first, second, 400, 7) == whole


def _pairs(won: int, lost: int, same: int) -> tuple[list[bool], list[bool]]:
    return [False] * won + [True] * lost + [True] * same, [True] * won + [False] * lost + [True] * same


@pytest.mark.parametrize(
    ("won", "lost", "same", "p_value"),
    [
        (0, 0, 5, 1.0),
        (5, 0, 3, 2 / 32),  # 2 · (1/2)^5
        (3, 1, 9, 10 / 16),  # 2 · (1 + 4) / 2^4
        (2, 2, 0, 1.0),
    ],
)
def test_mcnemar_by_hand(won: int, lost: int, same: int, p_value: float) -> None:
    assert statistics.mcnemar(*_pairs(won, lost, same)) == pytest.approx(p_value)


@pytest.mark.parametrize(("won", "lost"), [(30, 12), (7, 9), (1, 40)])
def test_mcnemar_as_scipy(won: int, lost: int) -> None:
    assert statistics.mcnemar(*_pairs(won, lost, 4)) == pytest.approx(stats.binomtest(won, won + lost).pvalue)


def test_mcnemar_needs_pairs() -> None:
    with pytest.raises(ValueError, match=re.escape("zip()")):
        statistics.mcnemar([True], [True, False])


@pytest.mark.parametrize("transform", [np.exp, np.asarray])
def test_bootstrap_of_ratios_resamples_rows(transform: Callable) -> None:
    """A row keeps its nats and its tokens: rows that all have 3 and 2 nats a token leave nothing to chance."""
    tokens = [1, 5, 20, 2]
    first, second = [3.0 * count for count in tokens], [2.0 * count for count in tokens]
    found = statistics.bootstrap_ratio_difference(first, second, tokens, 300, 0, transform=transform)
    wanted = float(transform(2.0) - transform(3.0))
    assert (found.delta, found.low, found.high) == pytest.approx((wanted, wanted, wanted))
