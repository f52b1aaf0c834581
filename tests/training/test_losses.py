"""Losses against values computed by hand."""

import math

import pytest
import torch

from workflow_scripts.lib.training import losses


def test_weighted_nll_is_the_mean_over_weighted_tokens():
    log_probs, weights = torch.tensor([-1.0, -3.0]), torch.tensor([1.0, 2.0])
    assert losses.weighted_nll(log_probs, weights, 3.0).item() == pytest.approx((1 + 6) / 3)


def test_log_odds_ratio_by_hand():
    chosen, rejected = math.log(0.8), math.log(0.5)
    found = losses.log_odds_ratio(torch.tensor([chosen]), torch.tensor([rejected]))
    assert found.item() == pytest.approx(math.log((0.8 / 0.2) / (0.5 / 0.5)), rel=1e-6)


def test_orpo_preference_by_hand_and_with_length_penalty():
    sides = torch.tensor([math.log(0.8)]), torch.tensor([math.log(0.5)])
    lengths = torch.tensor([5]), torch.tensor([3])
    plain = losses.orpo_preference(*sides, *lengths, length_penalty=0.0)
    assert plain.item() == pytest.approx(-math.log(4 / 5), rel=1e-6)  # sigmoid(log 4) = 4/5
    penalized = losses.orpo_preference(*sides, *lengths, length_penalty=0.1)
    assert penalized.item() == pytest.approx(math.log1p(math.exp(-(math.log(4) + 0.2))), rel=1e-6)


def test_dpo_by_hand():
    arguments = torch.tensor([2.0]), torch.tensor([-1.0]), torch.tensor([4]), torch.tensor([7])
    plain = losses.dpo(*arguments, beta=0.5, label_smoothing=0.0, length_penalty=0.0)
    assert plain.item() == pytest.approx(math.log1p(math.exp(-1.5)), rel=1e-6)
    smoothed = losses.dpo(*arguments, beta=0.5, label_smoothing=0.1, length_penalty=0.0)
    expected = 0.9 * math.log1p(math.exp(-1.5)) + 0.1 * math.log1p(math.exp(1.5))
    assert smoothed.item() == pytest.approx(expected, rel=1e-6)
    penalized = losses.dpo(*arguments, beta=0.5, label_smoothing=0.0, length_penalty=0.1)
    assert penalized.item() == pytest.approx(math.log1p(math.exp(-(1.5 - 0.3))), rel=1e-6)


def test_longer_chosen_side_earns_less_under_the_length_penalty():
    same = torch.tensor([-1.0]), torch.tensor([-1.0])
    longer = losses.orpo_preference(*same, torch.tensor([9]), torch.tensor([3]), length_penalty=0.1)
    shorter = losses.orpo_preference(*same, torch.tensor([3]), torch.tensor([9]), length_penalty=0.1)
    assert longer < shorter  # less loss, so less push towards the longer side


@pytest.mark.parametrize("x", [-1e-6, -0.1, -0.7, -5.0, -50.0])
def test_log1mexp_in_both_branches(x):
    found = losses.log1mexp(torch.tensor(x, dtype=torch.float64)).item()
    assert found == pytest.approx(math.log(-math.expm1(x)), rel=1e-9)
