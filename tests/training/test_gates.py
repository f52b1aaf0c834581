"""What stops a run, and what it says."""

import shutil
from collections import namedtuple
from pathlib import Path
from typing import Any

import building
import pytest
import tiny
import torch
from building import dialogue
from transformers import TrainerCallback

from workflow_scripts.lib.config.training import Model, Sft
from workflow_scripts.lib.errors import UserError
from workflow_scripts.lib.model_loading import load_model
from workflow_scripts.lib.training import gates, memory_try
from workflow_scripts.lib.training.rows import encode_sft_rows
from workflow_scripts.lib.training.run import run


@pytest.fixture
def trainer(base: Path, tokenizer: Any, tmp_path: Path) -> Any:
    sft = Sft.model_validate(tiny.section("sft"))
    rows, _ = encode_sft_rows(tokenizer, [dialogue(str(i), "写", "春" * (i + 1)) for i in range(4)], sft, None)
    return building.sft_trainer(base, tokenizer, rows, tmp_path, max_steps=2)


def test_nothing_to_train(trainer: Any, tmp_path: Path) -> None:
    trainer.model.requires_grad_(False)
    with pytest.raises(UserError) as caught:
        run(trainer, tmp_path, evaluations=0)
    assert caught.value.what == "no weight would be trained"
    assert caught.value.where == "sft.lora.target_modules"


def test_a_module_that_the_model_does_not_have(base: Path) -> None:
    base = load_model(base, building.MODEL)
    gates.check_targets(base, "all-linear")
    gates.check_targets(base, ["q_proj", "layers.0.mlp.up_proj"])
    with pytest.raises(UserError) as caught:  # PEFT would train q_proj alone, without a word
        gates.check_targets(base, ["q_proj", "W_pack"])
    assert caught.value.what == "the model has no module W_pack"
    assert caught.value.change.startswith("name some of: down_proj, gate_proj, k_proj, ")


def test_no_room_for_checkpoints(trainer: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage(10**9, 10**9 - 5000, 5000))
    with pytest.raises(UserError) as caught:
        run(trainer, tmp_path, evaluations=0)
    assert caught.value.what.startswith("checkpoints need about ")
    assert caught.value.what.endswith("5.0 KB are free")


def test_a_first_step_without_gradient(trainer: Any, tmp_path: Path) -> None:
    for name, parameter in trainer.model.named_parameters():  # a zero A below a zero B has no gradient
        if parameter.requires_grad:
            assert "lora_" in name
            parameter.data.zero_()
    with pytest.raises(UserError) as caught:
        run(trainer, tmp_path, evaluations=0)
    assert caught.value.what == "the first step has no gradient: nothing would be learned"


def test_a_loss_that_is_no_number(trainer: Any, tmp_path: Path) -> None:
    with torch.no_grad():
        next(p for p in trainer.model.parameters() if p.requires_grad).fill_(float("nan"))
    with pytest.raises(UserError) as caught:
        run(trainer, tmp_path, evaluations=0)
    assert caught.value.what == "the loss of step 1 is nan, on the rows 3, 2, 1, 0"
    assert caught.value.where == "sft.learning_rate, model.dtype"


def test_a_gradient_that_is_no_number(trainer: Any, tmp_path: Path) -> None:
    weight = next(p for p in trainer.model.parameters() if p.requires_grad)
    weight.register_hook(lambda gradient: gradient * float("inf"))
    with pytest.raises(UserError) as caught:
        run(trainer, tmp_path, evaluations=0)
    assert caught.value.what == "the gradient of step 1 is nan"


def test_a_step_that_the_scale_of_float16_leaves_out_does_not_stop(trainer: Any) -> None:
    gate, logs = gates.LearnsSomething("sft"), {"grad_norm": float("inf")}
    with pytest.raises(UserError, match="the gradient of step 0 is inf"):
        gate.on_log(trainer.args, trainer.state, trainer.control, logs=logs)
    trainer.args.fp16 = True
    gate.on_log(trainer.args, trainer.state, trainer.control, logs=logs)


def test_flash_attention_that_is_not_there(base: Path) -> None:
    with pytest.raises(UserError, match="there is no FlashAttention") as caught:
        load_model(base, building.MODEL.model_copy(update={"attention": "flash_attention_2"}))
    assert caught.value.where == "model.attention"


def test_a_loss_that_is_no_number_names_the_rows_of_its_micro_batch_only() -> None:
    losses = [torch.tensor(1.0), torch.tensor(float("inf"))]
    batches = [{"row_ids": ["good"]}, {"row_ids": [f"bad{number}" for number in range(10)]}]
    with pytest.raises(UserError) as caught:
        gates.check_losses(losses, 7, batches, "align")
    shown = ", ".join(f"bad{number}" for number in range(8))
    assert caught.value.what == f"the loss of step 7 is inf, on the rows {shown} and 2 more"
    gates.check_losses(losses[:1], 7, batches[:1], "align")


@pytest.mark.parametrize("packing", [False, True])
def test_the_memory_try_takes_the_longest_rows_and_leaves_no_trace(
    base: Path, tokenizer: Any, tmp_path: Path, packing: bool
) -> None:
    def make(name: str) -> Any:
        sft = Sft.model_validate(tiny.section("sft"))
        rows, _ = encode_sft_rows(tokenizer, [dialogue(str(i), "写", "春" * (i + 1)) for i in range(8)], sft, None)
        (tmp_path / name).mkdir()
        changes = {"packing": packing, "micro_batch_size": 2, "lora__dropout": 0.1, "neftune_noise_alpha": 5.0}
        return building.sft_trainer(base, tokenizer, rows, tmp_path / name, max_steps=3, curriculum="none", **changes)

    class Try(TrainerCallback):
        def on_train_begin(self, *_: Any, **__: Any) -> None:
            memory_try.attempt(tried)

    plain = make("plain")
    expected = run(plain, tmp_path / "plain", evaluations=1)
    tried = make("tried")
    assert {"7", "6"} <= set(tried.heaviest_batch()["row_ids"])
    seen = []
    compute_loss = tried.compute_loss
    tried.compute_loss = lambda model, batch: (
        seen.append((model.training, batch["length"].max())) or compute_loss(model, batch)
    )
    memory_try.attempt(tried)
    tried.compute_loss = compute_loss
    longest = max(len(row["input_ids"]) for row in tried.eval_dataset)
    assert seen == [(True, longest), (False, longest)]
    tried.add_callback(Try())
    assert run(tried, tmp_path / "tried", evaluations=1) == expected
    for name, value in building.weights(plain.model).items():
        assert torch.equal(value, building.weights(tried.model)[name]), name


def test_out_of_memory_says_what_to_change() -> None:
    sft = Sft.model_validate(tiny.section("sft", micro_batch_size=4, gradient_checkpointing=False))
    model = Model.model_validate(tiny.section("model"))
    with pytest.raises(UserError) as error, gates.out_of_memory_explained("sft", sft, model):
        raise torch.OutOfMemoryError("CUDA out of memory.\nmore")
    assert error.value.what == "out of memory: CUDA out of memory."
    assert error.value.change.startswith(
        "sft.micro_batch_size: 2 (halves the activations); or sft.gradient_checkpointing"
    )
    small = sft.model_copy(update={"micro_batch_size": 1, "gradient_checkpointing": True})
    with pytest.raises(UserError) as error, gates.out_of_memory_explained("sft", small, model):
        raise torch.OutOfMemoryError("")
    assert error.value.change.startswith("model.quantization: nf4")
    assert "sft.max_length below" in error.value.change
    quantized = model.model_copy(update={"quantization": "nf4"})
    with pytest.raises(UserError) as error, gates.out_of_memory_explained("sft", small, quantized):
        raise torch.OutOfMemoryError("")
    assert error.value.change.startswith("sft.activation_offloading: true (activations wait")
