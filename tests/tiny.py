"""A tiny random Qwen2 that reads bytes, made in a second, and sections of the config to run it with."""

from pathlib import Path
from typing import Any

import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers
from transformers import PreTrainedTokenizerFast, Qwen2Config, Qwen2ForCausalLM

from workflow_scripts.lib import jsonl
from workflow_scripts.lib.config import layers

REPOSITORY = Path(__file__).resolve().parents[1]
# The plain method: nothing drawn at random in a step, no term beside the loss.
PLAIN = {"sft": {"lora__dropout": 0.0}, "align": {"beta": 0.1, "length_penalty": 0.0}}
TEMPLATE = (
    "{% for message in messages %}<|im_start|>{{ message['role'] }}\n{{ message['content'] }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)


def build(folder: Path) -> Path:
    """Save a Qwen2 of two layers with random weights, tokenizer, chat template and manifest."""
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    tokenizer = Tokenizer(models.BPE(vocab={letter: index for index, letter in enumerate(alphabet)}, merges=[]))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    fast = PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        eos_token="<|im_end|>",
        pad_token="<|endoftext|>",
        additional_special_tokens=["<|im_start|>"],
        chat_template=TEMPLATE,
        clean_up_tokenization_spaces=False,
    )
    fast.save_pretrained(folder)
    torch.manual_seed(0)
    config = Qwen2Config(
        vocab_size=len(fast),
        hidden_size=32,
        intermediate_size=64,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        max_position_embeddings=2048,
        initializer_range=0.3,
        eos_token_id=fast.eos_token_id,
        pad_token_id=fast.pad_token_id,
        bos_token_id=None,
    )
    Qwen2ForCausalLM(config).save_pretrained(folder)
    jsonl.write_json(folder / "manifest.json", {"tiny": "model"})
    return folder


def section(name: str, **changes: Any) -> dict[str, Any]:
    """Return a section of config/config.yaml, plain, with some keys changed; ``lora__r=4`` reaches into lora."""
    values = layers.read_layer(REPOSITORY / "config" / "config.yaml", "config/config.yaml").values[name]
    for key in ("license", "fallbacks"):  # of a model, and none of loading it
        values.pop(key, None)
    for key, value in (PLAIN.get(name, {}) | changes).items():
        target = values
        *above, last = key.split("__")
        for part in above:
            target = target[part]
        target[last] = value
    return values
