"""Our losses and gradients against stock TRL's on the same ids."""

import building
import pytest
import tiny
import torch
from building import dialogue
from datasets import Dataset
from trl import DPOConfig, DPOTrainer, SFTConfig, SFTTrainer
from trl.experimental.cpo import CPOConfig, CPOTrainer
from trl.experimental.orpo import ORPOConfig, ORPOTrainer

from workflow_scripts.lib.config.training import Sft
from workflow_scripts.lib.training.collate import PairCollator, SftCollator
from workflow_scripts.lib.training.reference import add_reference
from workflow_scripts.lib.training.rows import encode_sft_rows

TOLERANCE = 1e-4
TEXTS = [("问一", "春風十里", "坏"), ("第二问", "夏", "不好了"), ("三", "秋月明", "差差"), ("问题四", "冬", "错")]
QUIET = {
    "per_device_train_batch_size": 4,
    "bf16": False,
    "gradient_checkpointing": False,
    "report_to": "none",
    "use_cpu": True,
}


def stock_loss_and_gradients(trainer):
    batch = next(iter(trainer.get_train_dataloader()))
    model = trainer.model.train()
    model.zero_grad()
    loss = trainer.compute_loss(model, trainer._prepare_inputs(batch))
    loss.backward()
    return loss.item(), building.gradients(model)


def comparable(gradients):
    """Return gradients by name without the adapter that stock DPO keeps as its reference."""
    return {name: value for name, value in gradients.items() if ".ref." not in name}


def test_sft(base, tokenizer, tmp_path):
    sft = Sft.model_validate(tiny.section("sft"))
    rows, _ = encode_sft_rows(tokenizer, [dialogue(q, q, a) for q, a, _ in TEXTS], sft, None)
    stock = SFTTrainer(
        model=building.with_adapter(base, zero=False),
        args=SFTConfig(output_dir=str(tmp_path), dataset_kwargs={"skip_prepare_dataset": True}, **QUIET),
        train_dataset=Dataset.from_list([{"input_ids": r["input_ids"], "labels": r["labels"]} for r in rows]),
        processing_class=tokenizer,
    )
    ours = building.sft_trainer(base, tokenizer, rows, tmp_path)
    ours.model.load_state_dict(stock.model.state_dict())
    expected, found = stock_loss_and_gradients(stock), building.loss_and_gradients(ours, [SftCollator(0)(rows)])
    assert found[0] == pytest.approx(expected[0], rel=TOLERANCE)
    building.assert_same(expected[1], found[1], TOLERANCE)


def text_rows():
    return Dataset.from_list([{"prompt": q, "chosen": c, "rejected": r} for q, c, r in TEXTS])


@pytest.mark.parametrize(("method", "loss_type"), [("dpo", "sigmoid"), ("ipo", "ipo")])
def test_with_a_reference(base, tokenizer, tmp_path, method, loss_type):
    model = building.with_adapter(base, zero=False)
    stock = DPOTrainer(
        model=model,
        args=DPOConfig(output_dir=str(tmp_path), beta=0.3, max_length=512, loss_type=[loss_type], **QUIET),
        train_dataset=text_rows(),
        processing_class=tokenizer,
    )
    rows = [
        {"prefix": row["prompt_ids"], "chosen": row["chosen_ids"], "rejected": row["rejected_ids"]}
        for row in stock.train_dataset
    ]
    ours = building.preference_trainer(base, tokenizer, rows, tmp_path, method=method, beta=0.3)
    collate = PairCollator(tokenizer.pad_token_id)
    rows = add_reference(ours.model, rows, collate, batch_size=4)
    untouched = building.loss_and_gradients(ours, [collate(rows)])[0]
    for trainer in (stock, ours):  # away from the reference, where the loss is the same for all pairs
        with torch.no_grad():
            for name, parameter in trainer.model.named_parameters():
                if parameter.requires_grad and "lora_B" in name:
                    parameter += 0.05
    expected = stock_loss_and_gradients(stock)
    found = building.loss_and_gradients(ours, [collate(rows)])
    assert found[0] == pytest.approx(expected[0], rel=TOLERANCE)
    assert abs(found[0] - untouched) > 1e-3
    building.assert_same(comparable(expected[1]), found[1], TOLERANCE)


@pytest.mark.parametrize(
    ("stock_trainer", "stock_config", "stock_options", "method", "options"),
    [
        (ORPOTrainer, ORPOConfig, {}, "orpo", {"prompt_loss": True}),
        (
            CPOTrainer,
            CPOConfig,
            {"loss_type": "simpo", "cpo_alpha": 0.0, "simpo_gamma": 0.5},
            "simpo",
            {"target_margin": 0.5},
        ),
    ],
    ids=["orpo", "simpo"],
)
def test_without_a_reference(base, tokenizer, tmp_path, stock_trainer, stock_config, stock_options, method, options):
    stock = stock_trainer(
        model=building.with_adapter(base, zero=False),
        args=stock_config(
            output_dir=str(tmp_path), beta=0.3, max_length=512, remove_unused_columns=False, **stock_options, **QUIET
        ),
        train_dataset=text_rows(),
        processing_class=tokenizer,
    )
    rows = [
        {
            "prefix": row["prompt_input_ids"],
            "chosen": row["chosen_input_ids"][len(row["prompt_input_ids"]) :],
            "rejected": row["rejected_input_ids"][len(row["prompt_input_ids"]) :],
        }
        for row in stock.train_dataset
    ]
    ours = building.preference_trainer(base, tokenizer, rows, tmp_path, method=method, beta=0.3, **options)
    expected = stock_loss_and_gradients(stock)
    found = building.loss_and_gradients(ours, [PairCollator(tokenizer.pad_token_id)(rows)])
    assert found[0] == pytest.approx(expected[0], rel=TOLERANCE)
    building.assert_same(expected[1], found[1], TOLERANCE)
