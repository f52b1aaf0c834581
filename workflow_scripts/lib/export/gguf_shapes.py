"""What GGUF calls the settings and tensors of Llama, Qwen2, Qwen3 and Gemma 3."""

import math
from typing import Any

import gguf
import numpy as np

from workflow_scripts.lib.errors import UserError

ARCHITECTURES = {
    "llama": gguf.MODEL_ARCH.LLAMA,
    "qwen2": gguf.MODEL_ARCH.QWEN2,
    "qwen3": gguf.MODEL_ARCH.QWEN3,
    "gemma3_text": gguf.MODEL_ARCH.GEMMA3,
}
_PERIOD = 6  # every sixth layer of Gemma 3 sees everything: llama.cpp knows no other
_LOCAL_BASE = 10_000.0  # likewise, of the rotary embedding of the others


def architecture_of(config: Any) -> gguf.MODEL_ARCH:
    """Return GGUF's name for a model.

    Raises:
        UserError: If it is of no known family.
    """
    if config.model_type not in ARCHITECTURES:
        raise UserError(
            f"models of type {config.model_type!r} are not converted",
            "export.gguf",
            f"set it to null, or train one of: {', '.join(ARCHITECTURES)}",
        )
    return ARCHITECTURES[config.model_type]


def write_settings(writer: gguf.GGUFWriter, config: Any) -> None:
    """Write the hyperparameters.

    Raises:
        UserError: If the model has settings that llama.cpp cannot be told.
    """
    writer.add_block_count(config.num_hidden_layers)
    writer.add_context_length(config.max_position_embeddings)
    writer.add_embedding_length(config.hidden_size)
    writer.add_feed_forward_length(config.intermediate_size)
    writer.add_head_count(config.num_attention_heads)
    writer.add_head_count_kv(config.num_key_value_heads)
    writer.add_layer_norm_rms_eps(config.rms_norm_eps)
    writer.add_vocab_size(config.vocab_size)
    size = head_size(config)
    writer.add_key_length(size)
    writer.add_value_length(size)
    writer.add_rope_dimension_count(size)
    rope = config.rope_parameters
    if config.model_type == "gemma3_text":
        _check_gemma(config)
        writer.add_sliding_window(config.sliding_window)
        rope = rope["full_attention"]
    writer.add_rope_freq_base(rope["rope_theta"])
    _write_scaling(writer, rope)


def rope_factors(config: Any) -> np.ndarray | None:
    """Return by how much Llama 3 slows each rotary frequency, (head size / 2,), or None.

    Source: transformers' ``_compute_llama3_parameters``, whose factors these are the inverse of.
    """
    rope = config.rope_parameters
    if rope.get("rope_type") != "llama3":
        return None
    size = head_size(config)
    waves = 2 * math.pi * rope["rope_theta"] ** (np.arange(0, size, 2, dtype=np.float64) / size)
    original, low, high = (
        rope["original_max_position_embeddings"],
        rope["low_freq_factor"],
        rope["high_freq_factor"],
    )
    smooth = np.clip((original / waves - low) / (high - low), 0, 1)
    return (1 / ((1 - smooth) / rope["factor"] + smooth)).astype(np.float32)


def converted(name: str, tensor: np.ndarray, config: Any) -> np.ndarray:
    """Return a tensor as llama.cpp wants it: its order of rotary dimensions, its form of Gemma's norms."""
    if _is_shifted(name, config):
        return tensor + 1
    heads = _permuted_heads(name, config)
    return _permuted(tensor, heads, 2, tensor.shape[0] // heads // 2) if heads else tensor


def taken_back(name: str, tensor: np.ndarray, config: Any) -> np.ndarray:
    """Undo ``converted``."""
    if _is_shifted(name, config):
        return tensor - 1
    heads = _permuted_heads(name, config)
    return _permuted(tensor, heads, tensor.shape[0] // heads // 2, 2) if heads else tensor


def head_size(config: Any) -> int:
    return getattr(config, "head_dim", None) or config.hidden_size // config.num_attention_heads


def _is_shifted(name: str, config: Any) -> bool:
    return config.model_type == "gemma3_text" and name.endswith("norm.weight")


def _permuted_heads(name: str, config: Any) -> int:
    """Return in how many heads the rows of a tensor are put into another order; 0: they are not."""
    if config.model_type != "llama":
        return 0
    return {"q_proj": config.num_attention_heads, "k_proj": config.num_key_value_heads}.get(name.split(".")[-2], 0)


def _permuted(tensor: np.ndarray, heads: int, parts: int, each: int) -> np.ndarray:
    """Turn halves of a head into neighbours, or neighbours into halves, (rows, ...)."""
    split = tensor.reshape(heads, parts, each, *tensor.shape[1:])
    return split.swapaxes(1, 2).reshape(tensor.shape)


def _check_gemma(config: Any) -> None:
    full = [kind == "full_attention" for kind in config.layer_types]
    wanted = [(layer + 1) % _PERIOD == 0 for layer in range(config.num_hidden_layers)]
    known = config.rope_parameters["sliding_attention"]["rope_theta"] == _LOCAL_BASE
    if full != wanted or not known or config.query_pre_attn_scalar != head_size(config):
        raise UserError(
            "llama.cpp cannot be told of this Gemma 3's layers, rotary base or scale of attention",
            "export.gguf",
            "set it to null",
        )


def _write_scaling(writer: gguf.GGUFWriter, rope: dict[str, Any]) -> None:
    kind = rope.get("rope_type", "default")
    if kind == "linear":
        writer.add_rope_scaling_type(gguf.RopeScalingType.LINEAR)
        writer.add_rope_scaling_factor(rope["factor"])
    elif kind not in ("default", "llama3"):
        raise UserError(f"rotary scaling of type {kind!r} is not converted", "export.gguf", "set it to null")
