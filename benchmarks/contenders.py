"""The trainers that are timed against each other: ours, and TRL's as its documentation has them."""

from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import torch
from datasets import Dataset
from peft import get_peft_model
from transformers import Trainer, set_seed
from trl import DPOConfig, DPOTrainer, SFTConfig, SFTTrainer
from trl.experimental.orpo import ORPOConfig, ORPOTrainer

from benchmarks.timing import NOTHING, Contender, Times, between, now
from workflow_scripts.lib import model_loading
from workflow_scripts.lib.chat_template import render_prompt, with_system_prompt
from workflow_scripts.lib.config.training import Align, Model, Sft
from workflow_scripts.lib.training import arguments
from workflow_scripts.lib.training.collate import PairCollator, SftCollator
from workflow_scripts.lib.training.orders import FileOrder
from workflow_scripts.lib.training.preference_trainer import PreferenceTrainer
from workflow_scripts.lib.training.reference import add_reference
from workflow_scripts.lib.training.rows import encode_pairs, encode_sft_rows
from workflow_scripts.lib.training.sft_trainer import SftTrainer

STOCK_DROPOUT = 0.05  # lora_dropout of TRL's ModelConfig and of its example scripts


@dataclass(frozen=True)
class Setting:
    """What all contenders have in common."""

    base: Path
    model: Model
    sft: Sft
    align: Align
    tokenizer: Any
    folder: Path
    seed: int
    steps: int

    def policy(self, dropout: float) -> Any:
        """Return the base with a fresh adapter, the same weights at every call."""
        set_seed(self.seed)
        base = model_loading.load_model(self.base, self.model, trainable=True)
        return get_peft_model(base, arguments.lora_config(self.sft.lora.model_copy(update={"dropout": dropout})))

    def stock_arguments(self, training: Sft | Align) -> dict[str, Any]:
        return {
            "output_dir": str(self.folder),
            "max_steps": self.steps,
            "learning_rate": training.learning_rate,
            "per_device_train_batch_size": training.micro_batch_size,
            "lr_scheduler_type": training.scheduler,
            "seed": self.seed,
            "train_sampling_strategy": "sequential",
            "bf16": False,
            "gradient_checkpointing": False,
            "logging_steps": 1,
            "save_strategy": "no",
            "report_to": "none",
            "disable_tqdm": True,
            "dataloader_pin_memory": torch.cuda.is_available(),
        }

    def our_arguments(self) -> dict[str, Any]:
        return {
            "folder": self.folder,
            "seed": self.seed,
            "steps": self.steps,
            "execution": {"logging_steps": 1, "save_steps": 10**6},
        }


def sft_contenders(setting: Setting, rows: list[dict]) -> list[Contender]:
    sft = setting.sft
    encoded, _ = encode_sft_rows(setting.tokenizer, rows, sft, setting.model.system_prompt)
    encoded = encoded[: setting.steps * sft.global_batch_size]

    def stock(dropout: float) -> tuple[Trainer, Times]:
        trainer = SFTTrainer(
            model=setting.policy(dropout),
            args=SFTConfig(**setting.stock_arguments(sft), dataset_kwargs={"skip_prepare_dataset": True}),
            train_dataset=Dataset.from_list(encoded).select_columns(["input_ids", "labels"]),
            processing_class=setting.tokenizer,
        )
        return trainer, NOTHING

    def ours() -> tuple[Trainer, Times]:
        trainer = SftTrainer(
            model=setting.policy(0.0),
            args=arguments.sft_arguments(sft, setting.model, **setting.our_arguments()),
            train_dataset=Dataset.from_list(encoded),
            processing_class=setting.tokenizer,
            data_collator=SftCollator(setting.tokenizer.pad_token_id),
            order=FileOrder(len(encoded), sft.global_batch_size),
            neftune_noise_alpha=None,
        )
        return trainer, NOTHING

    return [
        Contender("ours", ours),
        Contender("stock TRL, dropout 0", partial(stock, 0.0)),
        Contender(f"stock TRL, dropout {STOCK_DROPOUT}", partial(stock, STOCK_DROPOUT), same_loss=False),
    ]


def pair_contenders(method: str, setting: Setting, rows: list[dict]) -> list[Contender]:
    """Return ours and stock; TRL's ORPO learns the prompt too, so ours does so where losses are compared."""
    align = setting.align.model_copy(update={"method": method})
    rows = rows[: setting.steps * align.global_batch_size]
    encoded, _ = encode_pairs(setting.tokenizer, rows, align, setting.model.system_prompt)
    texts = [_as_text(setting.tokenizer, row, setting.model.system_prompt) for row in rows]
    collator = PairCollator(setting.tokenizer.pad_token_id)

    def stock() -> tuple[Trainer, Times]:
        trainer_class, config_class = (ORPOTrainer, ORPOConfig) if method == "orpo" else (DPOTrainer, DPOConfig)
        trainer = trainer_class(
            model=setting.policy(STOCK_DROPOUT),
            args=config_class(**setting.stock_arguments(align), beta=align.beta),
            train_dataset=Dataset.from_list(texts),
            processing_class=setting.tokenizer,
        )
        ours = [{name: row[name] for name in ("prefix", "chosen", "rejected")} for row in encoded]
        if [_stock_ids(method, row) for row in trainer.train_dataset] != ours:
            raise ValueError("stock TRL encodes the pairs differently: the trainers would not see the same rows")
        return trainer, NOTHING

    def ours(prompt_loss: bool) -> tuple[Trainer, Times]:
        policy, prepared, once = setting.policy(0.0), encoded, NOTHING
        if method == "dpo":
            started = now()
            prepared = add_reference(policy, encoded, collator, align.micro_batch_size)
            once = between(started, now())
        trainer = PreferenceTrainer(
            model=policy.train(),
            align=align.model_copy(update={"prompt_loss": prompt_loss}),
            args=arguments.align_arguments(align, setting.model, **setting.our_arguments()),
            train_dataset=Dataset.from_list(prepared),
            processing_class=setting.tokenizer,
            data_collator=collator,
            order=FileOrder(len(prepared), align.global_batch_size),
        )
        return trainer, once

    if method == "dpo":
        return [Contender("ours", partial(ours, False)), Contender("stock TRL", stock)]
    return [
        Contender("ours, prompt_loss: true as TRL", partial(ours, True)),
        Contender("stock TRL", stock),
        Contender("ours, prompt_loss: false", partial(ours, False), same_loss=False),
    ]


def _as_text(tokenizer: Any, row: dict, system_prompt: str | None) -> dict[str, str]:
    """Return the pair as text; stock TRL appends the end-of-turn token itself."""
    sides = {side: row[side][0]["content"] for side in ("chosen", "rejected")}
    return {"prompt": render_prompt(tokenizer, with_system_prompt(row["prompt"], system_prompt)), **sides}


def _stock_ids(method: str, row: dict) -> dict[str, list[int]]:
    if method == "dpo":
        return {"prefix": row["prompt_ids"], "chosen": row["chosen_ids"], "rejected": row["rejected_ids"]}
    prefix = row["prompt_input_ids"]
    return {"prefix": prefix} | {side: row[f"{side}_input_ids"][len(prefix) :] for side in ("chosen", "rejected")}
