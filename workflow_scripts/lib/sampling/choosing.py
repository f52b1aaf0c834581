"""Choose tokens by random numbers that belong to a reply, so that it is the same in any batch."""

import numpy as np
import torch
from transformers import LogitsProcessor

from workflow_scripts.lib.mixing.draws import draw

_BITS = 31  # of a random number
_WHOLE = 1 << 30  # what probabilities are counted in; sums of whole numbers are the same in any order, on any device
_FINE = 1 << 20  # steps of top_p
_LIKELY = 1024  # tokens among which the nucleus is looked for first; sorting a whole vocabulary takes long


def numbers_of(seed: int, row_id: str, sample: int, count: int) -> torch.Tensor:
    """Return the random numbers of one reply: ``(count,)`` whole numbers below 2**31, one a token."""
    raw = np.random.Philox(key=draw(seed, row_id, str(sample))).random_raw(count)
    return torch.from_numpy((raw >> np.uint64(64 - _BITS)).astype(np.int64))


def choose(logits: torch.Tensor, numbers: torch.Tensor, temperature: float, top_p: float) -> torch.Tensor:
    """Return one token for each reply.

    The number picks from the likeliest tokens that make up ``top_p`` of the probability (arXiv:1904.09751), in the
    order of the vocabulary: an order by probability would change with the last bit of a logit.

    Args:
        logits: ``(replies, vocabulary)``.
        numbers: ``(replies,)``, whole, below 2**31.
        temperature: Divides the logits.
        top_p: Share of the probability, 0-1.
    """
    shares = (torch.softmax(logits.float() / temperature, dim=-1) * _WHOLE).long()
    kept = torch.where(shares >= _least(shares, top_p), shares, 0)
    reached = kept.cumsum(dim=-1)
    wanted = (numbers.to(shares.device) * reached[:, -1]) >> _BITS
    return (reached <= wanted[:, None]).sum(dim=-1)


def _least(shares: torch.Tensor, top_p: float) -> torch.Tensor:
    """Return the smallest share within the nucleus, ``(replies, 1)``."""
    limit = shares.sum(dim=-1, keepdim=True) * round(top_p * _FINE)
    vocabulary = shares.shape[-1]
    for count in (min(_LIKELY, vocabulary), vocabulary):
        likeliest = shares.topk(count, dim=-1).values
        is_inside = (likeliest.cumsum(dim=-1) - likeliest) * _FINE < limit
        if not is_inside[:, -1].any():
            break
    return likeliest.gather(-1, is_inside.sum(dim=-1, keepdim=True) - 1)


class OwnNumbers(LogitsProcessor):
    """Leaves the token that a reply's own number chooses, for transformers to take greedily.

    Args:
        numbers: ``(replies, tokens)``.
        prompt_length: Tokens that stand before the replies, padding included.
    """

    def __init__(self, numbers: torch.Tensor, prompt_length: int, temperature: float, top_p: float) -> None:
        self.numbers, self.prompt_length = numbers, prompt_length
        self.temperature, self.top_p = temperature, top_p

    def __call__(self, input_ids: torch.Tensor, scores: torch.Tensor) -> torch.Tensor:
        step = input_ids.shape[1] - self.prompt_length
        chosen = choose(scores, self.numbers[:, step], self.temperature, self.top_p)
        return torch.full_like(scores, -torch.inf).scatter(-1, chosen[:, None], 0.0)
