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

    def repeat_each(self, times: list[int]) -> "Context":
        """Give the first row's context to ``times[0]`` rows, the second's to the next ``times[1]``, and so on."""
        rows = torch.arange(len(times), device=self.mask.device).repeat_interleave(
            torch.tensor(times, device=self.mask.device)
        )
        if self.cache is not None:
            self.cache.batch_select_indices(rows)
        return Context(self.cache, self.mask[rows], self.lengths[rows])


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
    inputs = _after(context, rows)
    return completion_log_probs(model, labels=pad(labels, ignored).to(context.mask.device), **inputs)


def logits_after(model: Any, context: Context, rows: list[list[int]]) -> torch.Tensor:
    """Return the logits of all tokens of the rows, given their contexts: (rows, longest, vocabulary)."""
    return model(use_cache=False, **_after(context, rows)).logits


def _after(context: Context, rows: list[list[int]]) -> dict[str, Any]:
    """Return the arguments of a forward pass that reads rows, padded on the right, after their contexts."""
    device = context.mask.device
    new = pad([[1] * len(row) for row in rows], 0).to(device)
    inputs = {"input_ids": pad(rows, FILLER).to(device), "attention_mask": torch.cat([context.mask, new], dim=1)}
    if context.cache is not None:
        positions = torch.arange(new.shape[1], device=device).unsqueeze(0)
        inputs |= {"past_key_values": context.cache, "position_ids": context.lengths.unsqueeze(1) + positions}
    return inputs
