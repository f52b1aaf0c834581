"""A tiny model in the dialect of each family: its chat template, and whether its tokenizer puts a token first."""

from dataclasses import dataclass
from pathlib import Path

import tiny
import torch
from peft import LoraConfig, get_peft_model
from tokenizers.processors import ByteLevel, Sequence, TemplateProcessing
from transformers import AutoTokenizer, Qwen2ForCausalLM

from workflow_scripts.lib.config.export import Merged
from workflow_scripts.lib.merging import merge
from workflow_scripts.lib.model_loading import load_tokenizer

MERGED = Merged(dtype="float32", shard_size=None, max_mean_difference=1e-4)
LLAMA = (
    "{{ bos_token }}{% for message in messages %}<|start_header_id|>{{ message['role'] }}<|end_header_id|>\n\n"
    "{{ message['content'] | trim }}<|im_end|>{% endfor %}"
    "{% if add_generation_prompt %}<|start_header_id|>assistant<|end_header_id|>\n\n{% endif %}"
)
GEMMA = (
    "{{ bos_token }}{% if messages[0]['role'] == 'system' %}{% set first = messages[0]['content'] + '\n\n' %}"
    "{% set said = messages[1:] %}{% else %}{% set first = '' %}{% set said = messages %}{% endif %}"
    "{% for message in said %}<start_of_turn>{{ 'model' if message['role'] == 'assistant' else message['role'] }}\n"
    "{{ first if loop.first }}{{ message['content'] | trim }}<im_end>\n{% endfor %}"
    "{% if add_generation_prompt %}<start_of_turn>model\n{% endif %}"
).replace("<im_end>", "<|im_end|>")
TEMPLATES = {"chatml": (tiny.TEMPLATE, []), "llama": (LLAMA, ["<|start_header_id|>", "<|end_header_id|>"])}
TEMPLATES["gemma"] = (GEMMA, ["<start_of_turn>"])
DIALOGUE = [
    {"role": "system", "content": "惜字如金"},
    {"role": "user", "content": "续写：床前明月光，"},
    {"role": "assistant", "content": "疑是地上霜。"},
    {"role": "user", "content": "再来一首 two  spaces,\n\nand lines"},
    {"role": "assistant", "content": "春眠不覺曉"},
]


@dataclass(frozen=True)
class Family:
    """Folders of a base model, an adapter for it, and both merged."""

    base: Path
    adapter: Path
    merged: Path


def build(name: str, folder: Path) -> Family:
    base = tiny.build(folder / "base")
    template, special = TEMPLATES[name]
    tokenizer = AutoTokenizer.from_pretrained(base)
    model = Qwen2ForCausalLM.from_pretrained(base)
    tokenizer.chat_template = template
    tokenizer.add_special_tokens({"additional_special_tokens": [*special, "<|im_start|>"]})
    if name != "chatml":  # these families' tokenizers put a token before every text, and so do their templates
        tokenizer.add_special_tokens({"bos_token": "<|begin|>"})
        first = TemplateProcessing("<|begin|> $A", special_tokens=[("<|begin|>", tokenizer.bos_token_id)])
        tokenizer.backend_tokenizer.post_processor = Sequence([ByteLevel(trim_offsets=False), first])
    tokenizer.save_pretrained(base)
    model.resize_token_embeddings(len(tokenizer))
    model.save_pretrained(base)
    torch.manual_seed(1)
    lora = LoraConfig(r=4, lora_alpha=64, target_modules="all-linear", init_lora_weights=False, task_type="CAUSAL_LM")
    get_peft_model(model, lora).save_pretrained(folder / "adapter")
    merge(base, folder / "adapter", load_tokenizer(base), folder / "merged", MERGED, [DIALOGUE])
    return Family(base, folder / "adapter", folder / "merged")
