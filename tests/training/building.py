"""Trainers on the tiny model, as the scripts build them."""

from pathlib import Path
from typing import Any

import tiny
import torch
from datasets import Dataset
from peft import LoraConfig, get_peft_model
from transformers import set_seed

from workflow_scripts.lib.config.training import Align, Model, Sft
from workflow_scripts.lib.model_loading import load_model
from workflow_scripts.lib.training import arguments, orders
from workflow_scripts.lib.training.collate import PairCollator, make_sft_collator
from workflow_scripts.lib.training.preference_trainer import PreferenceTrainer
from workflow_scripts.lib.training.sft_trainer import SftTrainer

MODEL = Model.model_validate(tiny.section("model"))
SEED = 7
EXECUTION = {"logging_steps": 1, "save_steps": 2, "report_to": []}


def dialogue(row_id: str, question: str, answer: str, **more: Any) -> dict:
    messages = [{"role": "user", "content": question}, {"role": "assistant", "content": answer}]
    return {"id": row_id, "messages": messages, **more}


def pair(row_id: str, question: str, chosen: str, rejected: str) -> dict:
    return {
        "id": row_id,
        "prompt": [{"role": "user", "content": question}],
        "chosen": [{"role": "assistant", "content": chosen}],
        "rejected": [{"role": "assistant", "content": rejected}],
    }


def with_adapter(base: Path, *, zero: bool = True, dropout: float = 0.0, config: Model = MODEL) -> Any:
    """Return the tiny model with a fresh adapter, or one whose weights already say something."""
    set_seed(3)
    lora = LoraConfig(task_type="CAUSAL_LM", r=16, lora_alpha=32, target_modules="all-linear", init_lora_weights=zero)
    lora.lora_dropout = dropout
    return get_peft_model(load_model(base, config, trainable=True), lora)


def sft_trainer(
    base: Path,
    tokenizer: Any,
    rows: list[dict],
    folder: Path,
    *,
    curriculum: str = "short_to_long",
    config: Model | None = None,
    **changes: Any,
) -> SftTrainer:
    """Return a trainer of ``with_adapter``'s model, or where ``config`` is given of one loaded and adapted by it."""
    given = {"global_batch_size": 4, "micro_batch_size": 4, "epochs": None, "max_steps": 4, "learning_rate": 0.01}
    sft = Sft.model_validate(tiny.section("sft", **(given | changes)))
    model = with_adapter(base, dropout=sft.lora.dropout)
    if config is not None:
        set_seed(3)
        model = get_peft_model(load_model(base, config, trainable=True), arguments.lora_config(sft.lora))
    return SftTrainer(
        model=model,
        args=arguments.sft_arguments(sft, config or MODEL, **_how(sft, folder, len(rows))),
        train_dataset=Dataset.from_list(rows),
        eval_dataset=Dataset.from_list(rows),
        processing_class=tokenizer,
        data_collator=make_sft_collator(tokenizer.pad_token_id, sft, config or MODEL),
        order=orders.make_order(sft, "sft", rows, SEED, curriculum),
        bin_tokens=sft.max_length if sft.packing else None,
        neftune_noise_alpha=sft.neftune_noise_alpha,
        offloading=sft.activation_offloading,
    )


def preference_trainer(
    base: Path,
    tokenizer: Any,
    rows: list[dict],
    folder: Path,
    *,
    curriculum: str = "short_to_long",
    config: Model = MODEL,
    **changes: Any,
) -> PreferenceTrainer:
    given = {"global_batch_size": 4, "micro_batch_size": 4, "epochs": None, "max_steps": 4, "learning_rate": 0.01}
    align = Align.model_validate(tiny.section("align", **(given | changes)))
    return PreferenceTrainer(
        model=with_adapter(base, zero=False, config=config),
        align=align,
        args=arguments.align_arguments(align, config, **_how(align, folder, len(rows))),
        train_dataset=Dataset.from_list(rows),
        eval_dataset=Dataset.from_list(rows),
        processing_class=tokenizer,
        data_collator=PairCollator(tokenizer.pad_token_id),
        order=orders.make_order(align, "align", rows, SEED, curriculum),
        offloading=align.activation_offloading,
    )


def _how(training: Any, folder: Path, num_rows: int) -> dict[str, Any]:
    return {
        "folder": folder,
        "seed": SEED,
        "steps": arguments.num_steps(training, num_rows),
        "execution": EXECUTION,
    }


def gradients(model: Any) -> dict[str, torch.Tensor]:
    return {name: p.grad.clone() for name, p in model.named_parameters() if p.grad is not None}


def weights(model: Any) -> dict[str, torch.Tensor]:
    return {name: p.detach().clone() for name, p in model.named_parameters() if p.requires_grad}


def loss_and_gradients(trainer: Any, batches: list[dict]) -> tuple[float, dict[str, torch.Tensor]]:
    """Return what one optimizer step over these micro batches sees."""
    model = trainer.model.train()
    model.zero_grad()
    batches = [trainer._prepare_inputs(batch) for batch in batches]
    totals = trainer._get_num_items_in_batch([batches], trainer.args.device)
    loss = 0.0
    for batch in batches:
        part = trainer.compute_loss(model, batch, num_items_in_batch=totals)
        part.backward()
        loss += part.item()
    return loss, gradients(model)


def assert_same(left: dict[str, torch.Tensor], right: dict[str, torch.Tensor], tolerance: float) -> None:
    assert left.keys() == right.keys()
    assert left
    assert any(value.abs().max() > 0 for value in left.values())
    for name, value in left.items():
        torch.testing.assert_close(
            value, right[name], rtol=tolerance, atol=tolerance, msg=lambda m, n=name: f"{n}: {m}"
        )
