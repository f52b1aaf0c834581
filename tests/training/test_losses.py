"""Losses against values computed by hand."""

import math
from typing import get_args

import pytest
import tiny
import torch

from workflow_scripts.lib.config.training import Align, Method
from workflow_scripts.lib.training import losses
from workflow_scripts.lib.training.preference_losses import orpo, registry
from workflow_scripts.lib.training.preference_losses.pairs import Pairs


def test_weighted_nll_is_the_mean_over_weighted_tokens():
    log_probs, weights = torch.tensor([-1.0, -3.0]), torch.tensor([1.0, 2.0])
    assert losses.weighted_nll(log_probs, weights, 3.0).item() == pytest.approx((1 + 6) / 3)


def terms(method: str, pairs: Pairs, **options: object) -> tuple[float, float]:
    align = Align.model_validate(tiny.section("align", method=method, **({"beta": 1.0} | options)))
    loss, margin = registry.load(method).terms(pairs, align)
    return loss.item(), margin.item()


def pairs(chosen: float, rejected: float, tokens: tuple[int, int], *reference: float) -> Pairs:
    sides = [torch.tensor([value]) for value in (chosen, rejected, *tokens, *reference)]
    return Pairs(*sides)


def test_every_method_of_the_config_has_its_loss():
    assert set(registry.MODULES) == set(get_args(Method)) - {"none"}


def test_log_odds_ratio_by_hand():
    chosen, rejected = math.log(0.8), math.log(0.5)
    found = orpo.log_odds_ratio(torch.tensor([chosen]), torch.tensor([rejected]))
    assert found.item() == pytest.approx(math.log((0.8 / 0.2) / (0.5 / 0.5)), rel=1e-6)


def test_orpo_by_hand_and_with_length_penalty():
    given = pairs(5 * math.log(0.8), 3 * math.log(0.5), (5, 3))
    loss, margin = terms("orpo", given, beta=0.5)
    assert loss == pytest.approx(-0.5 * math.log(4 / 5), rel=1e-6)  # sigmoid(log 4) = 4/5
    assert margin == pytest.approx(0.5 * (math.log(0.8) - math.log(0.5)), rel=1e-6)
    penalized, _ = terms("orpo", given, length_penalty=0.1)
    assert penalized == pytest.approx(math.log1p(math.exp(-(math.log(4) + 0.2))), rel=1e-6)


def test_dpo_by_hand():
    given = pairs(-3.0, -8.0, (4, 7), -5.0, -7.0)  # log-ratios 2 and -1
    loss, margin = terms("dpo", given, beta=0.5)
    assert (loss, margin) == pytest.approx((math.log1p(math.exp(-1.5)), 1.5), rel=1e-6)
    smoothed, _ = terms("dpo", given, beta=0.5, label_smoothing=0.1)
    assert smoothed == pytest.approx(0.9 * math.log1p(math.exp(-1.5)) + 0.1 * math.log1p(math.exp(1.5)), rel=1e-6)
    penalized, _ = terms("dpo", given, beta=0.5, length_penalty=0.1)
    assert penalized == pytest.approx(math.log1p(math.exp(-(1.5 - 0.3))), rel=1e-6)


def test_simpo_by_hand():
    loss, margin = terms("simpo", pairs(-4.0, -6.0, (4, 3)), beta=2.0, target_margin=0.5)
    assert (loss, margin) == pytest.approx((math.log1p(math.exp(-1.5)), 2.0), rel=1e-6)  # means -1 and -2


def test_ipo_by_hand():
    loss, margin = terms("ipo", pairs(-3.0, -8.0, (4, 2), -5.0, -7.0), beta=0.25)
    assert (loss, margin) == pytest.approx(((0.5 + 0.5 - 2) ** 2, 0.25), rel=1e-6)  # log-ratios a token 0.5, -0.5


@pytest.mark.parametrize("method", sorted(registry.MODULES))
def test_swapped_sides_flip_the_margin(method):
    chosen, rejected = ((-3.0, 4, -5.0), (-8.0, 7, -7.0))
    there, back = (
        terms(method, pairs(one[0], other[0], (one[1], other[1]), one[2], other[2]))[1]
        for one, other in ((chosen, rejected), (rejected, chosen))
    )
    assert there == pytest.approx(-back, rel=1e-6)
    assert abs(there) > 0.1


@pytest.mark.parametrize("method", sorted(set(registry.MODULES) - {"ipo"}))
def test_longer_chosen_side_earns_less_under_the_length_penalty(method):
    longer, shorter = (
        terms(method, pairs(-tokens[0], -tokens[1], tokens, -tokens[0], -tokens[1]), length_penalty=0.1)[0]
        for tokens in ((9, 3), (3, 9))
    )
    assert longer < shorter  # less loss, so less push towards the longer side


@pytest.mark.parametrize("x", [-1e-6, -0.1, -0.7, -5.0, -50.0])
def test_log1mexp_in_both_branches(x):
    found = orpo.log1mexp(torch.tensor(x, dtype=torch.float64)).item()
    assert found == pytest.approx(math.log(-math.expm1(x)), rel=1e-9)
