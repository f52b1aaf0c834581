"""Supervised fine-tuning: TRL's trainer with our exact, masked loss."""

from typing import Any

import torch
from trl import SFTTrainer as TrlSftTrainer

from workflow_scripts.lib.training.exact_trainer import ExactTrainer, Sums
from workflow_scripts.lib.training.log_probs import log_probs_at
from workflow_scripts.lib.training.losses import weighted_nll
from workflow_scripts.lib.training.neftune import noisy_embeddings
from workflow_scripts.lib.training.rows import IGNORED

# What tells a model which tokens see each other; packed dialogues have positions that restart in place of a mask.
ATTENTION_INPUTS = (
    *("attention_mask", "position_ids"),
    *("cu_seq_lens_q", "cu_seq_lens_k", "max_length_q", "max_length_k"),
)


def learned_log_probs(model: Any, batch: dict[str, torch.Tensor]) -> torch.Tensor:
    """Return the log-probabilities of the learned tokens, in nats, one after the other, (learned tokens,)."""
    wanted = batch["labels"] != IGNORED
    predictor = (torch.arange(wanted.shape[1], device=wanted.device) - 1).expand_as(wanted)
    inputs = {name: batch[name] for name in ATTENTION_INPUTS if name in batch}
    return log_probs_at(model, predictor, wanted, batch["input_ids"], **inputs)


class SftLoss(ExactTrainer):
    """Weighted mean negative log-likelihood of the learned tokens.

    The mean is over tokens, each counting with its row's weight: weight 2 equals giving the row twice.
    """

    SECTION = "sft"

    def __init__(self, *args: Any, neftune_noise_alpha: float | None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.noise = neftune_noise_alpha

    def count(self, batch: dict[str, torch.Tensor]) -> torch.Tensor:
        return batch["weight"][batch["labels"] != IGNORED].sum().unsqueeze(0)

    def sums(self, model: Any, batch: dict[str, torch.Tensor]) -> Sums:
        wanted = batch["labels"] != IGNORED
        with noisy_embeddings(model, self.noise, batch["length"]):
            log_probs = learned_log_probs(model, batch)
        return {
            "nll": weighted_nll(log_probs, batch["weight"][wanted], 1.0),
            "learned_tokens": wanted.sum(),
            "tokens": (batch["length"] > 0).sum(),
        }

    def loss_of(self, sums: Sums, totals: torch.Tensor) -> torch.Tensor:
        return sums["nll"] / totals[0]

    def describe(self, sums: Sums) -> dict[str, float]:
        return {"learned_tokens": int(sums["learned_tokens"]), "tokens": int(sums["tokens"])}


class SftTrainer(SftLoss, TrlSftTrainer):
    """TRL's trainer with this loss."""
