"""Put encoded rows into padded tensors."""

from dataclasses import dataclass
from typing import Any

import torch

from workflow_scripts.lib.config.training import Model, Sft
from workflow_scripts.lib.training.rows import IGNORED

PREFIX, CHOSEN, REJECTED, PADDING = 0, 1, 2, -1


@dataclass(frozen=True)
class SftCollator:
    """Pad dialogues on the right."""

    pad_token_id: int

    def __call__(self, rows: list[dict]) -> dict[str, torch.Tensor]:
        """Return ``input_ids``, ``attention_mask``, ``labels``, ``weight`` and ``length``, all (batch, tokens).

        ``weight`` is that of each token's row, and ``length`` the row's tokens, 0 for padding.
        Rows of ids [1, 2, 3] and [4] with pad id 0 give input_ids [[1, 2, 3], [4, 0, 0]].
        """
        batch = _sequences([[row] for row in rows], self.pad_token_id)
        del batch["position_ids"]
        return batch | {"attention_mask": (batch["length"] > 0).long()}


@dataclass(frozen=True)
class PackedCollator:
    """Put several dialogues into one sequence that do not see each other: ``position_ids`` restart with each.

    Attributes:
        flatten: One single sequence without padding, with the bounds of its dialogues as FlashAttention's kernels for
            varying lengths take them. Other implementations get a row a bin, and make a mask of ``position_ids``.
    """

    pad_token_id: int
    flatten: bool

    def __call__(self, bins: list[list[dict]]) -> dict[str, Any]:
        """Return what SftCollator does, with ``position_ids`` for ``attention_mask``; padding stands at position 0.

        Bins of ids [[1, 2], [3]] and [[4]] with pad id 0 give input_ids [[1, 2, 3], [4, 0, 0]] and position_ids
        [[0, 1, 0], [0, 0, 0]]; flattened, [[1, 2, 3, 4]] and [[0, 1, 0, 0]].
        """
        if not self.flatten:
            return _sequences(bins, self.pad_token_id)
        rows = [row for each in bins for row in each]
        lengths = [len(row["input_ids"]) for row in rows]
        bounds = torch.tensor([0, *lengths], dtype=torch.int32).cumsum(0, dtype=torch.int32)
        kernel = {"cu_seq_lens_q": bounds, "cu_seq_lens_k": bounds}
        kernel |= {"max_length_q": max(lengths), "max_length_k": max(lengths)}
        return _sequences([rows], self.pad_token_id) | kernel


def make_sft_collator(pad_token_id: int, sft: Sft, model: Model) -> SftCollator | PackedCollator:
    """Return the collator of the configured packing and attention."""
    if not sft.packing:
        return SftCollator(pad_token_id)
    return PackedCollator(pad_token_id, flatten=model.attention == "flash_attention_2")


@dataclass(frozen=True)
class PairCollator:
    """Put prefix, chosen and rejected of a pair into one sequence, so that the prompt is computed once.

    With prefix [1, 2], chosen [3, 4] and rejected [5]: input_ids [1, 2, 3, 4, 5], position_ids [0, 1, 2, 3, 2],
    branch [0, 0, 1, 1, 2] and predictor [-, 0, 1, 2, 1]: where the token's log-probability is read.
    """

    pad_token_id: int

    def __call__(self, rows: list[dict]) -> dict[str, torch.Tensor]:
        """Return ``input_ids``, ``position_ids``, ``branch``, ``predictor`` (batch, tokens) and ``row`` extras.

        ``reference_chosen`` and ``reference_rejected`` (batch,), in nats, are passed on when the rows have them.
        """
        packed = [_pack(row) for row in rows]
        width = max(len(row["input_ids"]) for row in packed)
        fill = {"input_ids": self.pad_token_id, "position_ids": 0, "branch": PADDING, "predictor": 0}
        batch = {name: torch.tensor([_pad(row[name], width, value) for row in packed]) for name, value in fill.items()}
        for name in ("reference_chosen", "reference_rejected"):
            if name in rows[0]:
                batch[name] = torch.tensor([row[name] for row in rows], dtype=torch.float32)
        return batch


def branch_attention(branch: torch.Tensor) -> torch.Tensor:
    """Return who may attend to whom, (batch, 1, tokens, tokens), True where allowed.

    A token sees itself and what comes before it in the prefix and in its own branch; the rejected side never sees
    the chosen one. Padding sees only itself, which keeps its softmax finite.
    """
    query, key = branch.unsqueeze(2), branch.unsqueeze(1)
    tokens = branch.shape[1]
    causal = torch.ones(tokens, tokens, dtype=torch.bool, device=branch.device).tril()
    related = (key == PREFIX) | (key == query)
    allowed = causal & related & (key != PADDING) & (query != PADDING)
    return (allowed | torch.eye(tokens, dtype=torch.bool, device=branch.device)).unsqueeze(1)


def _sequences(bins: list[list[dict]], pad_token_id: int) -> dict[str, torch.Tensor]:
    """Return a sequence for each bin; a dialogue's first token is not learned, as nothing of its own precedes it."""
    packed = []
    for rows in bins:
        lengths = [len(row["input_ids"]) for row in rows]
        packed.append(
            {
                "input_ids": [token for row in rows for token in row["input_ids"]],
                "position_ids": [position for length in lengths for position in range(length)],
                "labels": [label for row in rows for label in (IGNORED, *row["labels"][1:])],
                "weight": [row["weight"] for row in rows for _ in row["input_ids"]],
                "length": [length for length in lengths for _ in range(length)],
            }
        )
    width = max(len(each["input_ids"]) for each in packed)
    fill = {"input_ids": pad_token_id, "position_ids": 0, "labels": IGNORED, "weight": 0.0, "length": 0}
    return {name: torch.tensor([_pad(each[name], width, value) for each in packed]) for name, value in fill.items()}


def _pack(row: dict) -> dict[str, list[int]]:
    prefix, chosen, rejected = row["prefix"], row["chosen"], row["rejected"]
    start, after = len(prefix), len(prefix) + len(chosen)
    return {
        "input_ids": [*prefix, *chosen, *rejected],
        "position_ids": [*range(after), *range(start, start + len(rejected))],
        "branch": [PREFIX] * start + [CHOSEN] * len(chosen) + [REJECTED] * len(rejected),
        "predictor": [
            *(max(index - 1, 0) for index in range(after)),
            *(start - 1 if index == 0 else after + index - 1 for index in range(len(rejected))),
        ],
    }


def _pad(values: list, width: int, fill: float) -> list:
    return values + [fill] * (width - len(values))
