"""transformers, PEFT and TRL as they are."""

from pathlib import Path
from typing import Any

from peft import get_peft_model

from workflow_scripts.lib import model_loading
from workflow_scripts.lib.config.training import Model, Sft
from workflow_scripts.lib.training import arguments, gates, liger, sharding
from workflow_scripts.lib.training.sft_trainer import SftTrainer


def make_trainer(base: Path, model: Model, sft: Sft, how: dict[str, Any], **given: Any) -> SftTrainer:
    """Return a trainer of a fresh adapter.

    Args:
        base: Folder of the base model.
        model: How to load it.
        sft: Settings of adapter and training.
        how: Further arguments of ``arguments.sft_arguments``.
        given: Further arguments of the trainer.
    """
    loaded = model_loading.load_model(base, model, trainable=True, move=not sharding.is_wanted())
    gates.check_targets(loaded, sft.lora.target_modules)
    if sft.liger_kernel:
        liger.apply(loaded, "sft", model_loading.device())
    adapted = get_peft_model(loaded, arguments.lora_config(sft.lora))
    return SftTrainer(model=adapted, args=arguments.sft_arguments(sft, model, **how), **given)
