"""Supervised fine-tuning: TRL's trainer with our exact, masked loss."""

from typing import Any

import torch
from trl import SFTTrainer as TrlSftTrainer

from workflow_scripts.lib.training.exact_trainer import ExactTrainer, Sums
from workflow_scripts.lib.training.log_probs import log_probs_at
from workflow_scripts.lib.training.losses import weighted_nll
from workflow_scripts.lib.training.rows import IGNORED


class SftTrainer(ExactTrainer, TrlSftTrainer):
    """Weighted mean negative log-likelihood of the learned tokens.

    The mean is over tokens, each counting with its row's weight: weight 2 equals giving the row twice.
    """

    def count(self, batch: dict[str, torch.Tensor]) -> torch.Tensor:
        learned = (batch["labels"][:, 1:] != IGNORED).sum(dim=1)
        return (learned * batch["weight"]).sum().unsqueeze(0)

    def sums(self, model: Any, batch: dict[str, torch.Tensor]) -> Sums:
        wanted = batch["labels"] != IGNORED
        wanted[:, 0] = False
        predictor = (torch.arange(wanted.shape[1], device=wanted.device) - 1).expand_as(wanted)
        log_probs = log_probs_at(model, predictor, wanted, batch["input_ids"], attention_mask=batch["attention_mask"])
        weights = batch["weight"].unsqueeze(1).expand_as(wanted)[wanted]
        return {
            "nll": weighted_nll(log_probs, weights, 1.0),
            "learned_tokens": wanted.sum(),
            "tokens": batch["attention_mask"].sum(),
        }

    def loss_of(self, sums: Sums, totals: torch.Tensor) -> torch.Tensor:
        return sums["nll"] / totals[0]

    def describe(self, sums: Sums) -> dict[str, float]:
        return {"learned_tokens": int(sums["learned_tokens"]), "tokens": int(sums["tokens"])}
