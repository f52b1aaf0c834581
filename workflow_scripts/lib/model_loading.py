"""Load tokenizer and model of a stage."""

import hashlib
from pathlib import Path
from typing import Any

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer, BitsAndBytesConfig
from transformers.utils import is_flash_attn_2_available

from workflow_scripts.lib.config.training import Model
from workflow_scripts.lib.errors import UserError


def load_tokenizer(folder: Path) -> Any:
    """Load a tokenizer; its folder already holds the chat template that was chosen."""
    return AutoTokenizer.from_pretrained(folder)


def load_model(
    base: Path, model: Model, adapter: Path | None = None, *, trainable: bool = False, move: bool = True
) -> Any:
    """Load the base in the configured dtype and quantization, with a stage's adapter on it.

    Args:
        base: Folder of a transformers model.
        model: How to load it.
        adapter: Folder of a PEFT adapter, or None for the base alone.
        trainable: Whether the adapter goes on learning; otherwise the model is in evaluation mode.
        move: Whether to bring it to this process's device.

    Raises:
        UserError: If FlashAttention is asked for and cannot be had.
    """
    if model.attention == "flash_attention_2" and not is_flash_attn_2_available():
        raise UserError(
            "there is no FlashAttention: it wants a CUDA card and the package flash-attn",
            "model.attention",
            "set it to sdpa, whose kernels are much the same, or install flash-attn",
        )
    loaded = AutoModelForCausalLM.from_pretrained(
        base,
        dtype=getattr(torch, model.dtype),
        attn_implementation=model.attention,
        quantization_config=quantization(model),
        device_map={"": device()} if model.quantization != "none" else None,
        trust_remote_code=model.trust_remote_code,
    )
    if trainable and model.quantization != "none":
        _keep_gradients(loaded)
    if move and model.quantization == "none":
        loaded = loaded.to(device())
    if adapter is not None:
        from peft import PeftModel  # takes seconds to import, and the base alone does without

        loaded = PeftModel.from_pretrained(loaded, adapter, is_trainable=trainable)
    return loaded.train() if trainable else loaded.eval()


def _keep_gradients(model: Any) -> None:
    """Keep bitsandbytes 0.50 from laying 4-bit weights out for a CPU's inference at a validation.

    It never lays them back, and from then on trains without the gradient that goes through them.
    """
    import bitsandbytes

    for module in model.modules():
        if isinstance(module, bitsandbytes.nn.Linear4bit):
            module.support_avx512bf16_for_cpu = False


def base_digest(base: Path) -> str:
    """Return a digest of the base model, from the manifest that prepare_base left beside it."""
    return hashlib.sha256((base / "manifest.json").read_bytes()).hexdigest()


def device() -> torch.device:
    """Return the device this process computes on: CUDA (by local rank), Apple's MPS, or the CPU."""
    if torch.cuda.is_available():
        return torch.device("cuda", torch.cuda.current_device())
    return torch.device("mps" if torch.backends.mps.is_available() else "cpu")


def quantization(model: Model) -> BitsAndBytesConfig | None:
    """Return bitsandbytes' settings, or None: 4-bit with double quantization (QLoRA), or LLM.int8()."""
    if model.quantization == "none":
        return None
    import bitsandbytes  # noqa: F401 (transformers imports it; named here, its pin counts)

    if model.quantization == "int8":
        return BitsAndBytesConfig(load_in_8bit=True)
    return BitsAndBytesConfig(
        load_in_4bit=True,
        bnb_4bit_quant_type=model.quantization,
        bnb_4bit_use_double_quant=True,
        bnb_4bit_compute_dtype=getattr(torch, model.dtype),
    )
