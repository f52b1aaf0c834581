"""Tokens chosen by a reply's own numbers: which they can be, how often, and that neighbours have no say."""

from collections import Counter

import pytest
import torch

from workflow_scripts.lib.sampling import choosing
from workflow_scripts.lib.sampling.choosing import choose, numbers_of

SHARES = torch.tensor([0.1, 0.5, 0.15, 0.05, 0.2])
EVEN = (torch.arange(1000) * 2**31 // 1000 + 2**20).long()  # a thousand numbers, evenly spread


@pytest.mark.parametrize(
    ("top_p", "expected"),
    [
        (1.0, [100, 500, 150, 50, 200]),
        (0.95, [105, 526, 158, 0, 211]),  # all but the least likely: shares of 0.95
        (0.7, [0, 714, 0, 0, 286]),  # 0.5 and 0.2 make exactly 0.7
        (0.71, [0, 588, 177, 0, 235]),
        (0.5, [0, 1000, 0, 0, 0]),
        (0.01, [0, 1000, 0, 0, 0]),  # the likeliest is always in
    ],
)
def test_tokens_come_as_often_as_the_nucleus_says(top_p: float, expected: list[int]) -> None:
    chosen = choose(SHARES.log().expand(1000, -1), EVEN, 1.0, top_p)
    counts = Counter(chosen.tolist())
    assert [counts[token] for token in range(5)] == pytest.approx(expected, abs=1)


@pytest.mark.parametrize(("temperature", "expected"), [(0.5, 0.25 / 0.325), (1.0, 0.5), (100.0, 0.2)])
def test_temperature(temperature: float, expected: float) -> None:
    chosen = choose(SHARES.log().expand(1000, -1), EVEN, temperature, 1.0)
    assert (chosen == 1).float().mean() == pytest.approx(expected, abs=0.01)


def test_the_nucleus_is_the_same_when_it_is_larger_than_the_first_look(monkeypatch: pytest.MonkeyPatch) -> None:
    logits = torch.randn(64, 500, generator=torch.Generator().manual_seed(1)) / 4  # flat: some 400 tokens
    numbers = torch.randint(2**31, (64,), generator=torch.Generator().manual_seed(2))
    expected = choose(logits, numbers, 1.0, 0.9)
    monkeypatch.setattr(choosing, "_LIKELY", 8)
    assert choose(logits, numbers, 1.0, 0.9).equal(expected)
    assert len(set(expected.tolist())) > 50


def test_equally_likely_tokens_are_in_or_out_together() -> None:
    chosen = choose(torch.zeros(1000, 4), EVEN, 1.0, 0.3)
    assert Counter(chosen.tolist()) == pytest.approx({0: 250, 1: 250, 2: 250, 3: 250}, abs=1)


def test_a_forbidden_token_is_never_chosen() -> None:
    logits = torch.tensor([[0.0, -torch.inf, 0.0]]).expand(1000, -1)
    assert set(choose(logits, EVEN, 1.0, 1.0).tolist()) == {0, 2}


def test_numbers_belong_to_seed_row_and_sample() -> None:
    first = numbers_of(42, "s/a#1", 0, 50)
    assert first.shape == (50,) and first.min() >= 0 and first.max() < 2**31
    assert numbers_of(42, "s/a#1", 0, 20).equal(first[:20])  # a longer reply begins like a shorter one
    others = [numbers_of(*other, 50) for other in ((43, "s/a#1", 0), (42, "s/a#2", 0), (42, "s/a#1", 1))]
    assert not any(other.equal(first) for other in others)
    assert numbers_of(42, "s/a#1", 0, 3).tolist() == [1920678330, 685748382, 1096374991]  # numpy's stream stays
