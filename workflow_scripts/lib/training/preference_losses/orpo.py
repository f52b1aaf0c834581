"""ORPO (arXiv:2403.07691): the odds ratio of the two sides beside the chosen side's likelihood, without a reference."""

import torch
from torch.nn import functional as F

from workflow_scripts.lib.config.training import Align
from workflow_scripts.lib.training.preference_losses.pairs import Pairs

USES_REFERENCE = False
LIKELIHOOD = True


def terms(pairs: Pairs, align: Align) -> tuple[torch.Tensor, torch.Tensor]:
    """Return beta times the odds-ratio term, and beta times the difference of the mean log-probabilities."""
    chosen, rejected = pairs.means
    logits = log_odds_ratio(chosen, rejected) + align.length_penalty * pairs.longer_by
    return -align.beta * F.logsigmoid(logits), align.beta * (chosen - rejected)


def log_odds_ratio(chosen: torch.Tensor, rejected: torch.Tensor) -> torch.Tensor:
    """Return log(odds(chosen) / odds(rejected)), eq. 4.

    Args:
        chosen: Mean log-probability per token of the chosen completion, (batch,), below 0.
        rejected: The same of the rejected one.
    """
    return (chosen - rejected) - (log1mexp(chosen) - log1mexp(rejected))


def log1mexp(x: torch.Tensor) -> torch.Tensor:
    """Return log(1 - exp(x)) for x < 0 without losing digits near 0 or far from it (Mächler 2012)."""
    x = torch.clamp(x, max=-1e-7)
    return torch.where(x > -0.6931471805599453, torch.log(-torch.expm1(x)), torch.log1p(-torch.exp(x)))
