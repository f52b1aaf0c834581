"""Liger's kernels in place of a model's norms, rotary embeddings and MLPs: less memory, fewer passes over it."""

from importlib import metadata
from typing import Any

import torch
from transformers.integrations.liger import apply_liger_kernel

from workflow_scripts.lib.errors import UserError
from workflow_scripts.lib.training.log_probs import unwrap

PACKAGE = "liger-kernel"
# Ours projects and compares wanted positions only. Liger's would replace the model's forward, LM head and all.
NOT_THE_LOSS = {"cross_entropy": False, "fused_linear_cross_entropy": False}


def apply(model: Any, section: str, device: torch.device) -> None:
    """Give a model, with or without PEFT around it, Liger's kernels; the weights stay what they are.

    Not by ``use_liger_kernel`` of transformers' arguments: it would come after DPO's reference, and do nothing, without
    a word, for a model that Liger does not know.

    Raises:
        UserError: If device, environment or model cannot have them.
    """
    key = f"{section}.liger_kernel"
    if device.type != "cuda":
        raise UserError(f"Liger's kernels need a GPU, and this job computes on {device}", key, "set it to false")
    try:
        metadata.version(PACKAGE)
    except metadata.PackageNotFoundError:
        what = f"Liger's kernels need the package {PACKAGE}, which is not installed"
        raise UserError(what, key, f"pip install {PACKAGE}, or set it to false") from None
    from liger_kernel.transformers.monkey_patch import MODEL_TYPE_TO_APPLY_LIGER_FN

    kind = unwrap(model).config.model_type
    if kind not in MODEL_TYPE_TO_APPLY_LIGER_FN:
        raise UserError(f"Liger has no kernels for models of the type {kind}", key, "set it to false")
    apply_liger_kernel(model, NOT_THE_LOSS)
