"""The numbers that the recipes' authors gave, through all layers: a changed default must not change a recipe unseen."""

from typing import Any

import pytest

from benchmarks import recipe_costs
from workflow_scripts.lib.config import layers

PROJECTIONS = ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"]
LORA = "sft.lora"
SAMPLED = {"repetition_penalty": 1.0, "no_repeat_ngram_size": 3, "do_sample": True}
DOMAIN: dict[str, Any] = {
    **{"split.train": 0.9, "split.val": 0.1, "split.test": 0.0, "split.seed": 42, "seed": 42, "sft.seed": 3407},
    **{f"{LORA}.r": 16, f"{LORA}.alpha": 32, f"{LORA}.dropout": 0.0, "sft.micro_batch_size": 2},
    **{"sft.global_batch_size": 8, "sft.epochs": 3.0, "sft.learning_rate": 2e-4, "sft.warmup_steps": 5},
    **{"sft.optimizer": "adamw_8bit", "sft.neftune_noise_alpha": 5, "sft.max_length": 2048},
    **{"eval.perplexity.enabled": True, "model.quantization": "nf4", "align.method": "none"},
}
# Dotted key -> value. With hardware rtx4090, where 4 bits are the hardware's to say; lengths that it caps are not here.
GIVEN: dict[str, dict[str, Any]] = {
    "k12": {
        **{"model.base": "hf://Qwen/Qwen2.5-7B-Instruct", "clean.max_repetition": 0.6, "clean.min_tokens": 8},
        **{"clean.max_tokens": 2048, "clean.min_han_ratio": 0.3, "clean.allow_english": False},
        **{"mix.sft.min_zh_ratio": 0.7, "mix.preference.min_zh_ratio": 0.7, "sft.sampler.order": "mixed_buckets"},
        **{"sft.sampler.min_zh_ratio": 0.7, f"{LORA}.r": 16, f"{LORA}.alpha": 16, f"{LORA}.dropout": 0.05},
        **{f"{LORA}.target_modules": PROJECTIONS, "model.quantization": "nf4", "sft.learning_rate": 2e-4},
        **{"sft.warmup_ratio": 0.03, "sft.packing": True, "sft.gradient_checkpointing": True},
        **{"align.method": "orpo", "align.beta": 0.2, "align.length_penalty": 0.02},
        **{"eval.tasks": ["cmmlu", "ceval-valid", "hellaswag", "winogrande"]},
    },
    "general": {
        **{"model.base": "hf://Qwen/Qwen3-4B-Instruct-2507", "sources.oasst1.weight": 0.4, "sources.coig.weight": 0.6},
        **{"model.fallbacks": [f"hf://Qwen/Qwen2.5-{size}-Instruct" for size in ("7B", "3B")]},
        **{"mix.sft.max_samples": 60_000, "mix.preference.max_samples": 120_000, "mix.preference.min_zh_ratio": 0.7},
        **{"mix.preference.derived": "refuse", "clean.min_han_ratio": 0.3, "clean.min_chars": 8},
        **{"clean.max_chars": 4096, "split.train": 0.8, "split.val": 0.1, "split.test": 0.1, "sft.epochs": 1.5},
        **{f"{LORA}.r": 16, f"{LORA}.alpha": 16, f"{LORA}.dropout": 0.05, "sft.learning_rate": 2e-4},
        **{"sft.scheduler": "cosine", "sft.warmup_ratio": 0.03, "sft.weight_decay": 0.01, "sft.packing": True},
        **{"sft.gradient_checkpointing": True, "execution.logging_steps": 50, "execution.save_steps": 1000},
        **{"sft.max_length": 2048, "align.method": "orpo", "align.beta": 0.2, "align.learning_rate": 8e-5},
        **{"eval.tasks": ["cmmlu", "ceval-valid", "hellaswag", "winogrande"], "eval.safety.enabled": True},
    },
    "law": {
        **{"model.base": "hf://Qwen/Qwen2.5-0.5B-Instruct", "sampling.num_samples": 8, "sampling.temperature": 0.8},
        **{"sampling.top_p": 0.95, "sampling.max_new_tokens": 2048, "sampling.verifier": "legal_judgement"},
        **{f"{LORA}.r": 64, f"{LORA}.alpha": 16, f"{LORA}.dropout": 0.05, "sft.learning_rate": 2e-4},
        **{"sft.weight_decay": 0.01, "sft.epochs": 3.0, "sft.micro_batch_size": 2, "sft.global_batch_size": 16},
        **{"sft.warmup_steps": 100, "execution.logging_steps": 10, "execution.save_steps": 100},
        **{"model.quantization": "nf4", "eval.judgement.enabled": True},
    },
    "domain-small": DOMAIN
    | {"mix.sft.max_samples": 2000, "sft.evaluation_steps": 50, "execution.save_steps": 50}
    | {f"sources.{name}.use": "sft" for name in ("reports", "orca", "pubmed")},
    "domain-large": DOMAIN
    | {"mix.sft.max_samples": 240_000}
    | {f"sources.{name}.use": "sft" for name in ("my_reports", "orca", "bio", "ai", "ic")},
    "tang-full": {
        **{"model.base": "hf://Qwen/Qwen2-1.5B-Instruct", "sources.tang_poems.max_rows": 25_000},
        **{"sources.tang_poems.options.lines": [4, 8], f"{LORA}.r": 8, f"{LORA}.alpha": 16, f"{LORA}.dropout": 0.05},
        **{"sft.max_length": 256, "sft.micro_batch_size": 2, "sft.global_batch_size": 8, "sft.learning_rate": 2e-4},
        **{"sft.epochs": 5, "eval.decoding.max_new_tokens": 128, "generation.no_repeat_ngram_size": 3},
        "eval.decoding.settings": {
            "careful": SAMPLED | {"temperature": 0.1, "top_p": 0.3},
            "free": SAMPLED | {"temperature": 0.8, "top_p": 0.9},
            "freest": SAMPLED | {"temperature": 1.0, "top_p": 0.9},
        },
    },
}


@pytest.mark.parametrize("recipe", GIVEN)
def test_the_recipe_has_the_numbers_of_its_authors(recipe: str) -> None:
    values = recipe_costs.config_of(recipe, "rtx4090", {}).model_dump(by_alias=True)

    def value(key: str) -> Any:
        found: Any = values
        for part in key.split("."):
            found = found[part]
        return found

    assert {key: value(key) for key in GIVEN[recipe]} == GIVEN[recipe]


def test_longer_rows_where_the_card_has_room_for_them() -> None:
    law, general = (recipe_costs.config_of(recipe, "rtx5090", {}).sft.max_length for recipe in ("law", "general"))
    assert (law, general) == (4096, 4096)


@pytest.mark.parametrize("recipe", GIVEN)
def test_each_number_in_the_recipes_file_has_its_comment(recipe: str) -> None:
    path = recipe_costs.REPOSITORY / "config" / "recipes" / f"{recipe}.yaml"
    text, places = path.read_text(encoding="utf-8").splitlines(), layers.read_layer(path, recipe).lines
    numbers = [key for key, value in GIVEN[recipe].items() if type(value) in (int, float)]
    told = {key: text[places[parts] - 1] for key in numbers if (parts := tuple(key.split("."))) in places}
    silent = [key for key, line in told.items() if "#" not in line]
    assert len(told) >= 5 and set(silent) <= {"sft.micro_batch_size"}  # said beside global_batch_size
