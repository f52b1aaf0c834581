"""Write a transformers model as a GGUF file."""

import logging
from pathlib import Path
from typing import Any

import gguf
import numpy as np
import torch
from gguf import GGMLQuantizationType, LlamaFileType
from safetensors import safe_open
from transformers import AutoConfig

from workflow_scripts.lib.errors import UserError
from workflow_scripts.lib.export import gguf_shapes
from workflow_scripts.lib.export.gguf_vocabulary import write_vocabulary

log = logging.getLogger(__name__)
KINDS = {
    "f16": (GGMLQuantizationType.F16, LlamaFileType.MOSTLY_F16),
    "q8_0": (GGMLQuantizationType.Q8_0, LlamaFileType.MOSTLY_Q8_0),
    "q4_0": (GGMLQuantizationType.Q4_0, LlamaFileType.MOSTLY_Q4_0),
    "q4_1": (GGMLQuantizationType.Q4_1, LlamaFileType.MOSTLY_Q4_1),
}
_COARSE = (GGMLQuantizationType.Q4_0, GGMLQuantizationType.Q4_1)


def write_gguf(folder: Path, kind: str, output: Path) -> None:
    """Convert a model.

    Args:
        folder: Of the model, with safetensors weights, tokenizer and chat template.
        kind: Of ``KINDS``.
        output: File to write.

    Raises:
        UserError: If llama.cpp knows no such model or tokenizer.
    """
    config = AutoConfig.from_pretrained(folder)
    architecture = gguf_shapes.architecture_of(config)
    wanted, file_type = KINDS[kind]
    output.parent.mkdir(parents=True, exist_ok=True)
    part = output.with_name(output.name + ".part")
    writer = gguf.GGUFWriter(part, gguf.MODEL_ARCH_NAMES[architecture], use_temp_file=True)
    writer.add_type(gguf.GGUFType.MODEL)
    writer.add_file_type(file_type)
    writer.add_quantization_version(gguf.GGML_QUANT_VERSION)
    gguf_shapes.write_settings(writer, config)
    write_vocabulary(writer, folder, config.vocab_size)
    names = gguf.get_tensor_name_map(architecture, config.num_hidden_layers)
    for name, tensor in _tensors(folder):
        if name == "lm_head.weight" and config.tie_word_embeddings:
            continue
        known = names.get_name(name, try_suffixes=(".weight", ".bias"))
        if known is None:
            raise UserError(f"llama.cpp has no place for {name}", "export.gguf", "set it to null")
        data = gguf_shapes.converted(name, tensor, config)
        stored = _kind_of(known, data, wanted)
        writer.add_tensor(known, gguf.quants.quantize(data, stored), raw_dtype=stored)
    factors = gguf_shapes.rope_factors(config)
    if factors is not None:
        writer.add_tensor("rope_freqs.weight", factors)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    part.replace(output)
    log.info("%s: %.0f MB", output.name, output.stat().st_size / 1e6)


def _tensors(folder: Path) -> Any:
    for path in sorted(folder.glob("*.safetensors")):
        with safe_open(path, framework="pt") as weights:
            for name in sorted(weights.keys()):
                yield name, weights.get_tensor(name).to(torch.float32).numpy()


def _kind_of(name: str, data: np.ndarray, wanted: GGMLQuantizationType) -> GGMLQuantizationType:
    """Return how a tensor is stored: vectors whole; what begins and ends the model not in four bits."""
    if data.ndim < 2:
        return GGMLQuantizationType.F32
    if wanted in _COARSE and name.startswith(("token_embd.", "output.")):
        wanted = GGMLQuantizationType.Q8_0
    block, _ = gguf.GGML_QUANT_SIZES[wanted]
    return wanted if data.shape[-1] % block == 0 else GGMLQuantizationType.F16
