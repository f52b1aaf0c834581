"""Put encoded rows into padded tensors."""

from dataclasses import dataclass

import torch

from workflow_scripts.lib.training.rows import IGNORED

PREFIX, CHOSEN, REJECTED, PADDING = 0, 1, 2, -1


@dataclass(frozen=True)
class SftCollator:
    """Pad dialogues on the right."""

    pad_token_id: int

    def __call__(self, rows: list[dict]) -> dict[str, torch.Tensor]:
        """Return ``input_ids``, ``attention_mask``, ``labels`` (batch, tokens) and ``weight`` (batch,).

        Rows of ids [1, 2, 3] and [4] with pad id 0 give input_ids [[1, 2, 3], [4, 0, 0]].
        """
        width = max(len(row["input_ids"]) for row in rows)
        return {
            "input_ids": torch.tensor([_pad(row["input_ids"], width, self.pad_token_id) for row in rows]),
            "attention_mask": torch.tensor([_pad([1] * len(row["input_ids"]), width, 0) for row in rows]),
            "labels": torch.tensor([_pad(row["labels"], width, IGNORED) for row in rows]),
            "weight": torch.tensor([row["weight"] for row in rows], dtype=torch.float32),
        }


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


def _pad(values: list[int], width: int, fill: int) -> list[int]:
    return values + [fill] * (width - len(values))
