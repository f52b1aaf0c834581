"""Preference alignment on pairs whose prompt is computed once for both sides; the loss is one of a registry."""

from typing import Any

import torch

from workflow_scripts.lib.config.training import Align, Model
from workflow_scripts.lib.training.collate import CHOSEN, PADDING, PREFIX, REJECTED, branch_attention
from workflow_scripts.lib.training.exact_trainer import ExactTrainer, Sums
from workflow_scripts.lib.training.log_probs import log_probs_at, unwrap
from workflow_scripts.lib.training.preference_losses import registry
from workflow_scripts.lib.training.preference_losses.pairs import Pairs

FULL, SLIDING = "full_attention", "sliding_attention"  # kinds of layers, as in a config's layer_types


class PreferenceTrainer(ExactTrainer):
    """Any of the preference losses. None comes from TRL, where ORPO is experimental; tests hold them against TRL's."""

    SECTION = "align"

    def __init__(self, *args: Any, align: Align, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.align, self.method = align, registry.load(align.method)

    @property
    def has_reference(self) -> bool:
        return uses_reference(self.align)

    def count(self, batch: dict[str, torch.Tensor]) -> torch.Tensor:
        branch = batch["branch"]
        pairs = torch.tensor(branch.shape[0], device=branch.device)
        return torch.stack([pairs, self._likelihood_mask(branch).sum()])

    def sums(self, model: Any, batch: dict[str, torch.Tensor]) -> Sums:
        branch = batch["branch"]
        wanted = (branch == CHOSEN) | (branch == REJECTED) | self._likelihood_mask(branch)
        found = pair_log_probs(model, batch, wanted)
        log_probs = torch.zeros(branch.shape, device=branch.device).masked_scatter(wanted, found)
        chosen, rejected = (torch.where(branch == side, log_probs, 0.0).sum(dim=1) for side in (CHOSEN, REJECTED))
        lengths = [(branch == side).sum(dim=1) for side in (CHOSEN, REJECTED)]
        reference = [batch[f"reference_{side}"] for side in ("chosen", "rejected")] if self.has_reference else []
        preference, margin = self.method.terms(Pairs(chosen, rejected, *lengths, *reference), self.align)
        return {
            "preference": preference.sum(),
            "nll": -log_probs[self._likelihood_mask(branch)].sum(),
            "pairs": torch.tensor(branch.shape[0], device=branch.device),
            "correct": (margin > 0).sum(),
            "margin": margin.detach().sum(),
            "chosen_logp": chosen.detach().sum(),
            "rejected_logp": rejected.detach().sum(),
            "chosen_tokens": lengths[0].sum(),
            "rejected_tokens": lengths[1].sum(),
            "tokens": (branch != PADDING).sum(),
        }

    def loss_of(self, sums: Sums, totals: torch.Tensor) -> torch.Tensor:
        preference = sums["preference"] / totals[0]
        return sums["nll"] / totals[1] + preference if self.method.LIKELIHOOD else preference

    def describe(self, sums: Sums) -> dict[str, float]:
        pairs = sums["pairs"]
        figures = {
            "reward_accuracy": sums["correct"] / pairs,
            "margin": sums["margin"] / pairs,
            "chosen_logp": sums["chosen_logp"] / pairs,
            "rejected_logp": sums["rejected_logp"] / pairs,
            "chosen_tokens": sums["chosen_tokens"] / pairs,
            "rejected_tokens": sums["rejected_tokens"] / pairs,
        }
        return {**{name: float(value) for name, value in figures.items()}, "tokens": int(sums["tokens"])}

    def _likelihood_mask(self, branch: torch.Tensor) -> torch.Tensor:
        """Return the tokens of the likelihood term; the very first token has nothing to be predicted from."""
        mask = branch == CHOSEN
        if self.align.prompt_loss:
            mask = mask | (branch == PREFIX)
            mask[:, 0] = False
        return mask


def uses_reference(align: Align) -> bool:
    """Return whether the method compares with a frozen reference."""
    return registry.load(align.method).USES_REFERENCE and not align.reference_free


def takes_branches(model: Model) -> Model:
    """Return how to load a model for pairs: FlashAttention's kernels take no mask that keeps two sides apart."""
    return model.model_copy(update={"attention": "sdpa"}) if model.attention == "flash_attention_2" else model


def pair_log_probs(model: Any, batch: dict[str, torch.Tensor], wanted: torch.Tensor) -> torch.Tensor:
    """Return the log-probabilities of the wanted tokens of packed pairs, in nats, (wanted tokens,)."""
    return log_probs_at(
        model,
        batch["predictor"],
        wanted,
        batch["input_ids"],
        position_ids=batch["position_ids"],
        attention_mask=_masks(unwrap(model), batch["branch"], batch["position_ids"]),
    )


def _masks(model: Any, branch: torch.Tensor, positions: torch.Tensor) -> torch.Tensor | dict[str, torch.Tensor]:
    """Return the mask of all layers, or by kind of layer where some see only a window (Gemma 3).

    transformers 5.23 takes a mask of this form as it is, in layers with a window too.
    """
    config = model.config.get_text_config()
    window, kinds = getattr(config, "sliding_window", None), set(getattr(config, "layer_types", None) or ())
    everywhere = branch_attention(branch)
    if window is None or kinds == {FULL}:
        return _additive(everywhere, model.dtype)
    near = everywhere & (positions.unsqueeze(2) - positions.unsqueeze(1) < window).unsqueeze(1)
    if FULL in kinds:
        return {FULL: _additive(everywhere, model.dtype), SLIDING: _additive(near, model.dtype)}
    return _additive(near, model.dtype)


def _additive(allowed: torch.Tensor, dtype: torch.dtype) -> torch.Tensor:
    """Return 0 where allowed and the dtype's lowest number elsewhere, the form eager and sdpa both take."""
    return torch.zeros(allowed.shape, dtype=dtype, device=allowed.device).masked_fill(~allowed, torch.finfo(dtype).min)


def reference_log_probs(model: Any, batches: Any, device: torch.device) -> list[tuple[float, float]]:
    """Return each pair's summed log-probabilities (chosen, rejected), in nats, under the model as it is now."""
    found = []
    model.eval()
    dtype = unwrap(model).dtype
    is_mixed = dtype == torch.bfloat16 or (dtype == torch.float16 and device.type != "cpu")
    with torch.no_grad(), torch.autocast(device.type, dtype, enabled=is_mixed):  # as Trainer computes the policy
        for batch in batches:
            batch = {name: value.to(device) for name, value in batch.items()}
            branch = batch["branch"]
            wanted = branch > PREFIX
            log_probs = torch.zeros(branch.shape, device=device).masked_scatter(
                wanted, pair_log_probs(model, batch, wanted)
            )
            chosen, rejected = (torch.where(branch == side, log_probs, 0.0).sum(dim=1) for side in (CHOSEN, REJECTED))
            found.extend(zip(chosen.tolist(), rejected.tolist(), strict=True))
    return found
