"""Log-probabilities of what a model is to say, without logits of what it is told."""

from typing import Any

import torch
import torch.nn.functional as F

IGNORED = -100


def completion_log_probs(
    model: Any,
    input_ids: torch.Tensor,
    attention_mask: torch.Tensor,
    labels: torch.Tensor,
    **forward: Any,
) -> tuple[torch.Tensor, torch.Tensor]:
    """Return each row's summed log-probability and number of labelled tokens.

    Only positions whose next token is labelled pass through the output projection, which for a small model with a
    large vocabulary is a quarter of the work. The model's own head is called, so that scaling or capping of logits
    (Gemma, Cohere, Granite) is kept, and adapters on any layer take part.

    Args:
        model: Causal LM of transformers, bare or wrapped by PEFT.
        input_ids: (rows, tokens).
        attention_mask: (rows, tokens), or with the cached tokens in front.
        labels: (rows, tokens); ``IGNORED`` where a token is not to be scored. The first column is never scored.
        **forward: More arguments of the model's forward, such as ``past_key_values`` and ``position_ids``.

    Returns:
        Sums in nats (rows,), float32, and counts (rows,).
    """
    keep = labels[:, 1:] != IGNORED
    base = model.get_base_model() if hasattr(model, "get_base_model") else model

    def only_kept(_: Any, inputs: tuple) -> tuple:
        return (inputs[0][:, :-1][keep].unsqueeze(0), *inputs[1:])

    hook = base.get_output_embeddings().register_forward_pre_hook(only_kept)
    try:
        forward.setdefault("use_cache", False)
        logits = model(input_ids=input_ids, attention_mask=attention_mask, **forward).logits
    finally:
        hook.remove()
    targets = labels[:, 1:][keep]
    if logits.shape[:2] != (1, len(targets)):
        raise RuntimeError(f"{type(base).__name__} does not project through its output embeddings")
    log_probs = -F.cross_entropy(logits[0].float(), targets, reduction="none")
    counts = keep.sum(dim=1)
    rows = torch.repeat_interleave(torch.arange(len(counts), device=counts.device), counts)
    return log_probs.new_zeros(len(counts)).index_add(0, rows, log_probs), counts


def pad(rows: list[list[int]], value: int, *, left: bool = False) -> torch.Tensor:
    """Return rows of ids as one tensor (rows, longest), filled up with ``value``."""
    length = max(map(len, rows))
    fill = [[value] * (length - len(row)) for row in rows]
    return torch.tensor([f + row if left else row + f for f, row in zip(fill, rows, strict=True)])
