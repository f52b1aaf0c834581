"""The model of one stage: the base, or the base with the stage's adapter."""

import logging
from pathlib import Path
from typing import Any

import torch

from workflow_scripts.lib.config.training import Model
from workflow_scripts.lib.errors import UserError
from workflow_scripts.lib.model_loading import load_model, load_tokenizer

log = logging.getLogger(__name__)
PROBE = "推敲：鳥宿池邊樹，僧敲月下門。"


def load_stage(base: Path, adapter: Path | None, model: Model) -> tuple[Any, Any]:
    """Load a stage's model, ready for evaluation, and the tokenizer.

    In float32 the adapter's product is added to the base's weights in memory, which changes logits by rounding only
    (results/models/merged/parity.json) and spares a fifth of the work. Coarser or quantized weights are left alone.

    Raises:
        UserError: If the adapter changes nothing: its figures would be the base's under another name.
    """
    tokenizer = load_tokenizer(base)
    loaded = load_model(base, model, adapter)
    if adapter is not None and not changes_logits(loaded, tokenizer):
        raise UserError(
            "the adapter does not change the model's output",
            str(adapter),
            "train it again: its weights are zero, or belong to another base model",
        )
    if adapter is not None and model.dtype == "float32" and model.quantization == "none":
        loaded = loaded.merge_and_unload()
    log.info("loaded %s", "the base model" if adapter is None else f"the base model with {adapter}")
    return loaded, tokenizer


@torch.inference_mode()
def changes_logits(model: Any, tokenizer: Any) -> bool:
    """Tell whether the logits of a short probe differ with and without the adapter."""
    ids = tokenizer(PROBE, return_tensors="pt", add_special_tokens=False)["input_ids"].to(model.device)
    with_adapter = model(input_ids=ids, use_cache=False).logits
    with model.disable_adapter():
        without = model(input_ids=ids, use_cache=False).logits
    return not torch.equal(with_adapter, without)


def model_settings(model: Model) -> dict:
    """Return what of the model's config can change a figure."""
    return model.model_dump(include={"dtype", "quantization", "attention", "system_prompt"})
