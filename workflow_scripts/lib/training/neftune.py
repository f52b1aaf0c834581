"""NEFTune (arXiv:2310.05914): uniform noise on the embeddings while training."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch

from workflow_scripts.lib.training.log_probs import unwrap


@contextmanager
def noisy_embeddings(model: Any, alpha: float | None, lengths: torch.Tensor) -> Iterator[None]:
    """Add noise of at most alpha / sqrt(tokens x width of the embedding) while the model is in training mode.

    transformers 5.23 takes the width of the padded batch for the number of tokens, so that padding and packing would
    change the noise; the paper takes that of the row, and so do we.

    Args:
        model: A causal language model.
        alpha: 5 is usual; None: no noise.
        lengths: Tokens of the row that each token belongs to, 0 for padding, (batch, tokens).
    """
    if alpha is None or not model.training:
        yield
        return

    def add_noise(module: torch.nn.Module, given: tuple, embedded: torch.Tensor) -> torch.Tensor:
        scale = alpha / torch.sqrt(lengths.clamp(min=1) * embedded.shape[-1])
        noise = torch.empty_like(embedded).uniform_(-1, 1)
        return embedded + noise * scale.unsqueeze(-1).to(embedded.dtype)

    handle = unwrap(model).get_input_embeddings().register_forward_hook(add_noise)
    try:
        yield
    finally:
        handle.remove()
