"""The likelihood loss as a pure function of log-probabilities (natural logarithm)."""

import torch


def weighted_nll(log_probs: torch.Tensor, weights: torch.Tensor, total_weight: torch.Tensor | float) -> torch.Tensor:
    """Return the weighted mean negative log-likelihood, nats per token.

    Args:
        log_probs: Of the learned tokens, (tokens,).
        weights: Weight of each token's row, (tokens,).
        total_weight: Sum of the weights of all learned tokens of the optimizer step, so that micro batches and
            processes add up to the mean over the whole batch.
    """
    return -(log_probs * weights).sum() / total_weight
