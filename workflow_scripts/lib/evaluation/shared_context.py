"""Compute the tokens that several rows begin with once, and keep their keys and values."""

import inspect
from dataclasses import dataclass
from typing import Any

import torch

from workflow_scripts.lib.evaluation.log_probs import completion_log_probs, pad

FILLER = 0  # any id: padded places are masked


@dataclass(frozen=True)
class Context:
    """What each row has been given so far.

    Attributes:
        cache: Keys and values, or None before the first token.
        mask: (rows, cached places); 0 where a place is padding.
        lengths: (rows,) tokens given, padding not counted: the position of the next one.
    """

    cache: Any
    mask: torch.Tensor
    lengths: torch.Tensor

    def repeat(self, times: int) -> "Context":
        """Give each row's context to ``times`` neighbouring rows. The cache is changed in place."""
        if self.cache is not None:
            self.cache.batch_repeat_interleave(times)
        return Context(self.cache, self.mask.repeat_interleave(times, 0), self.lengths.repeat_interleave(times))


def supported(model: Any) -> bool:
    """Tell whether the model can be told the positions of tokens that follow padding."""
    base = model.get_base_model() if hasattr(model, "get_base_model") else model
    return "position_ids" in inspect.signature(base.forward).parameters


def common_prefix(rows: list[list[int]]) -> int:
    """Return how many leading tokens all rows have in common."""
    first, last = min(rows), max(rows)
    return next(
        (index for index, (one, other) in enumerate(zip(first, last, strict=False)) if one != other),
        min(len(first), len(last)),
    )


def empty(rows: int, device: torch.device) -> Context:
    return Context(None, torch.ones(rows, 0, dtype=torch.long, device=device), torch.zeros(rows, device=device).long())


def extend(model: Any, context: Context, rows: list[list[int]]) -> Context:
    """Read more tokens, padded on the left so that what follows joins without a gap."""
    if not max(map(len, rows)):
        return context
    device = context.mask.device
    new = pad([[1] * len(row) for row in rows], 0, left=True).to(device)
    mask = torch.cat([context.mask, new], dim=1)
    cache = model(
        input_ids=pad(rows, FILLER, left=True).to(device),
        attention_mask=mask,
        position_ids=context.lengths.unsqueeze(1) + (new.cumsum(dim=1) - 1).clamp(min=0),
        past_key_values=context.cache,
        use_cache=True,
        logits_to_keep=1,
    ).past_key_values
    return Context(cache, mask, context.lengths + new.sum(dim=1))


def log_probs_after(
    model: Any, context: Context, rows: list[list[int]], labels: list[list[int]], ignored: int
) -> tuple[torch.Tensor, torch.Tensor]:
    """Return sum and count of each row's labelled tokens, given its context. See ``completion_log_probs``."""
    device = context.mask.device
    ids = pad(rows, FILLER).to(device)
    new = pad([[1] * len(row) for row in rows], 0).to(device)
    more = {}
    if context.cache is not None:
        positions = torch.arange(ids.shape[1], device=device).unsqueeze(0)
        more = {
            "past_key_values": context.cache,
            "position_ids": context.lengths.unsqueeze(1) + positions,
        }
    mask = torch.cat([context.mask, new], dim=1)
    return completion_log_probs(model, ids, mask, pad(labels, ignored).to(device), **more)
