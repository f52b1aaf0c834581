"""Finished results of a tiny model: base, an adapter, the merged model, and their config."""

from pathlib import Path

import tiny
import torch
from peft import LoraConfig, get_peft_model
from transformers import Qwen2ForCausalLM

from workflow_scripts.lib.apps.guard import Guard
from workflow_scripts.lib.config import annotated, layers
from workflow_scripts.lib.config.export import Merged
from workflow_scripts.lib.merging import merge
from workflow_scripts.lib.model_loading import load_tokenizer

GENERATION = {
    "max_new_tokens": 12,
    "do_sample": False,
    "repetition_penalty": 1.0,
    "no_repeat_ngram_size": 0,
}
GREETING = [{"role": "user", "content": "你好"}, {"role": "assistant", "content": "好"}]

MERGED = Merged(dtype="float32", shard_size=None, max_mean_difference=1e-4)

NO_GUARD = Guard([], tiny.REPOSITORY)


def build(results: Path) -> Path:
    """Fill the folder of results with what chat reads, and return it."""
    models = results / "models"
    base = tiny.build(models / "base")
    tokenizer = load_tokenizer(base)
    add_adapter(models, "align", seed=1)
    merge(base, models / "align", tokenizer, models / "merged", MERGED, [GREETING])
    given = {"generation": GENERATION, "model": {"system_prompt": "惜字如金"}}
    settings = layers.load(tiny.REPOSITORY, [], given)
    kept = {name: part for name, part in settings.values().items() if name not in ("execution", "tracking")}
    (results / "config.yaml").write_text(annotated.annotate(kept, {}), encoding="utf-8")
    return results


def add_adapter(models: Path, stage: str, seed: int) -> None:
    torch.manual_seed(seed)
    lora = LoraConfig(r=4, lora_alpha=64, target_modules="all-linear", init_lora_weights=False, task_type="CAUSAL_LM")
    get_peft_model(Qwen2ForCausalLM.from_pretrained(models / "base"), lora).save_pretrained(models / stage)
