"""Each row's log-probability of what the model is to say."""

from typing import Any

import torch

from workflow_scripts.lib.training.log_probs import log_probs_at

IGNORED = -100


def completion_log_probs(
    model: Any,
    input_ids: torch.Tensor,
    attention_mask: torch.Tensor,
    labels: torch.Tensor,
    **forward: Any,
) -> tuple[torch.Tensor, torch.Tensor]:
    """Return each row's summed log-probability and number of labelled tokens.

    Args:
        model: Causal LM of transformers, bare or wrapped by PEFT.
        input_ids: (rows, tokens).
        attention_mask: (rows, tokens), or with the cached tokens in front.
        labels: (rows, tokens); the token's id, or ``IGNORED`` where it is not to be scored. The first column is never
            scored: nothing predicts it.
        **forward: More arguments of the model's forward, such as ``past_key_values`` and ``position_ids``.

    Returns:
        Sums in nats (rows,), float32, and counts (rows,).
    """
    wanted = labels != IGNORED
    wanted[:, 0] = False
    predictor = torch.arange(-1, input_ids.shape[1] - 1, device=input_ids.device).expand_as(input_ids)
    log_probs = log_probs_at(model, predictor, wanted, input_ids, attention_mask=attention_mask, **forward)
    counts = wanted.sum(dim=1)
    rows = torch.repeat_interleave(torch.arange(len(counts), device=counts.device), counts)
    return log_probs.new_zeros(len(counts)).index_add(0, rows, log_probs), counts


def pad(rows: list[list[int]], value: int, *, left: bool = False) -> torch.Tensor:
    """Return rows of ids as one tensor (rows, longest), filled up with ``value``."""
    length = max(map(len, rows))
    fill = [[value] * (length - len(row)) for row in rows]
    return torch.tensor([f + row if left else row + f for f, row in zip(fill, rows, strict=True)])
