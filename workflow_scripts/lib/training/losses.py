"""Losses as pure functions of log-probabilities (natural logarithm) and lengths (tokens)."""

import torch
from torch.nn import functional as F


def weighted_nll(log_probs: torch.Tensor, weights: torch.Tensor, total_weight: torch.Tensor | float) -> torch.Tensor:
    """Return the weighted mean negative log-likelihood, nats per token.

    Args:
        log_probs: Of the learned tokens, (tokens,).
        weights: Weight of each token's row, (tokens,).
        total_weight: Sum of the weights of all learned tokens of the optimizer step, so that micro batches and
            processes add up to the mean over the whole batch.
    """
    return -(log_probs * weights).sum() / total_weight


def log_odds_ratio(chosen: torch.Tensor, rejected: torch.Tensor) -> torch.Tensor:
    """Return log(odds(chosen) / odds(rejected)), eq. 4 of ORPO (arXiv:2403.07691).

    Args:
        chosen: Mean log-probability per token of the chosen completion, (batch,), below 0.
        rejected: The same of the rejected one.
    """
    return (chosen - rejected) - (log1mexp(chosen) - log1mexp(rejected))


def orpo_preference(
    chosen: torch.Tensor,
    rejected: torch.Tensor,
    chosen_tokens: torch.Tensor,
    rejected_tokens: torch.Tensor,
    *,
    length_penalty: float,
) -> torch.Tensor:
    """Return ORPO's odds-ratio term of each pair, (batch,); the loss adds beta times it to the chosen side's NLL.

    ``length_penalty`` shifts the log-odds by the difference in tokens as R-DPO (arXiv:2403.19159) does: a longer
    chosen side counts as already preferred, so length alone earns nothing. 0 is plain ORPO.
    """
    shift = length_penalty * (chosen_tokens - rejected_tokens)
    return -F.logsigmoid(log_odds_ratio(chosen, rejected) + shift)


def dpo(
    chosen_log_ratio: torch.Tensor,
    rejected_log_ratio: torch.Tensor,
    chosen_tokens: torch.Tensor,
    rejected_tokens: torch.Tensor,
    *,
    beta: float,
    label_smoothing: float,
    length_penalty: float,
) -> torch.Tensor:
    """Return the DPO loss of each pair, (batch,), eq. 7 of arXiv:2305.18290, with R-DPO's length term.

    Args:
        chosen_log_ratio: Summed log-probability under the policy minus that under the reference, (batch,).
        rejected_log_ratio: The same of the rejected side.
        chosen_tokens: Tokens of the chosen completion, (batch,).
        rejected_tokens: The same of the rejected side.
        beta: Inverse temperature.
        label_smoothing: Share of pairs taken to be labelled the wrong way round (conservative DPO), 0-0.5.
        length_penalty: Per token; 0 is plain DPO.
    """
    logits = beta * (chosen_log_ratio - rejected_log_ratio) + length_penalty * (chosen_tokens - rejected_tokens)
    return -(1 - label_smoothing) * F.logsigmoid(logits) - label_smoothing * F.logsigmoid(-logits)


def log1mexp(x: torch.Tensor) -> torch.Tensor:
    """Return log(1 - exp(x)) for x < 0 without losing digits near 0 or far from it (Mächler 2012)."""
    x = torch.clamp(x, max=-1e-7)
    return torch.where(x > -0.6931471805599453, torch.log(-torch.expm1(x)), torch.log1p(-torch.exp(x)))
