"""Where our names meet those of transformers, TRL and PEFT; nowhere else."""

import math
from pathlib import Path
from typing import Any

from peft import LoraConfig
from transformers import TrainingArguments
from trl import SFTConfig

from workflow_scripts.lib.config.training import Lora, Model, Sft, Training
from workflow_scripts.lib.model_loading import device


def num_steps(training: Training, rows_per_epoch: int) -> int:
    """Return the optimizer steps: ``max_steps``, or the global batches (the last may be short) of ``epochs``."""
    if training.max_steps is not None:
        return training.max_steps
    return max(1, math.ceil(training.epochs * math.ceil(rows_per_epoch / training.global_batch_size)))


def sft_arguments(sft: Sft, model: Model, **how: Any) -> SFTConfig:
    """Return TRL's arguments; rows come encoded and are packed, ordered and given noise by us."""
    return SFTConfig(
        **_common(sft, model, **how),
        max_length=sft.max_length,
        packing=False,
        dataset_kwargs={"skip_prepare_dataset": True},
    )


def align_arguments(align: Training, model: Model, **how: Any) -> TrainingArguments:
    """Return the arguments of the preference trainer."""
    return TrainingArguments(**_common(align, model, **how))


def lora_config(lora: Lora) -> LoraConfig:
    """Return PEFT's settings of a LoRA adapter for a causal language model."""
    return LoraConfig(
        task_type="CAUSAL_LM",
        r=lora.r,
        lora_alpha=lora.alpha,
        lora_dropout=lora.dropout,
        target_modules=lora.target_modules,
        use_dora=lora.use_dora,
        use_rslora=lora.use_rslora,
        bias="none",
    )


def _common(
    training: Training,
    model: Model,
    *,
    folder: Path,
    seed: int,
    steps: int,
    execution: dict,
) -> dict[str, Any]:
    logging_steps, save_steps = execution.get("logging_steps", 5), execution.get("save_steps", 25)
    return {
        "output_dir": str(folder),
        "max_steps": steps,
        "learning_rate": training.learning_rate,
        "per_device_train_batch_size": training.micro_batch_size,
        "per_device_eval_batch_size": training.micro_batch_size,
        "optim": training.optimizer,
        "lr_scheduler_type": training.scheduler,
        # transformers 5.23 has no warmup_ratio, and takes a ratio of 1 for one step
        "warmup_steps": math.ceil(steps * training.warmup_ratio)
        if training.warmup_steps is None
        else training.warmup_steps,
        "weight_decay": training.weight_decay,
        "max_grad_norm": training.max_grad_norm,
        "gradient_checkpointing": training.gradient_checkpointing,
        "seed": seed,
        "use_cpu": device().type == "cpu",  # or transformers refuses bfloat16 there
        "ddp_find_unused_parameters": False,
        "bf16": model.dtype == "bfloat16",
        "fp16": model.dtype == "float16",
        "logging_steps": logging_steps,
        "logging_first_step": True,
        # sums since the last log line are not in a checkpoint, so both fall on the same steps
        "save_steps": math.ceil(save_steps / logging_steps) * logging_steps,
        "save_total_limit": 2,
        "eval_strategy": "no",  # lib/training/schedule.py asks for validations at even distances
        "report_to": execution.get("report_to") or "none",
        "remove_unused_columns": False,
        "dataloader_pin_memory": False,
        "disable_tqdm": True,
    }
