"""Whether a GGUF file says what the model says that it was made from."""

from pathlib import Path

import gguf
import numpy as np
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

from workflow_scripts.lib.chat_template import Messages, encode_known
from workflow_scripts.lib.export.gguf_shapes import ARCHITECTURES, taken_back


def logits_of(folder: Path, dialogues: list[Messages], file: Path | None = None) -> torch.Tensor:
    """Return the logits at every position of all dialogues, (positions, vocabulary).

    Args:
        folder: Of the model.
        dialogues: What is read, encoded as in training.
        file: GGUF file whose weights take the place of the model's. transformers 5.23 has a reader of its own, which
            leaves out what it needs of Qwen3 (the size of a head), Gemma 3 and Llama 3 (rotary settings).
    """
    model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32).eval()
    if file is not None:
        _read_into(model, file)
    tokenizer = AutoTokenizer.from_pretrained(folder)
    encoded = encode_known(tokenizer, dialogues)
    with torch.no_grad():
        return torch.cat([model(input_ids=torch.tensor([ids]), use_cache=False).logits[0] for ids in encoded])


def parity(whole: torch.Tensor, found: torch.Tensor) -> dict[str, float]:
    """Compare logits: absolute differences, and the share of positions with the same most likely token."""
    difference = (found - whole).abs()
    return {
        "max": float(difference.max()),
        "mean": float(difference.mean()),
        "same_top_token": float((found.argmax(-1) == whole.argmax(-1)).float().mean()),
    }


def _read_into(model: torch.nn.Module, file: Path) -> None:
    config = model.config
    names = gguf.get_tensor_name_map(ARCHITECTURES[config.model_type], config.num_hidden_layers)
    tensors = {tensor.name: tensor for tensor in gguf.GGUFReader(file).tensors}
    for name, parameter in model.named_parameters():
        tensor = tensors[names.get_name(name, try_suffixes=(".weight", ".bias"))]
        data = gguf.quants.dequantize(tensor.data, tensor.tensor_type).reshape(tuple(parameter.shape))
        parameter.data = torch.from_numpy(np.array(taken_back(name, data, config), dtype=np.float32))
