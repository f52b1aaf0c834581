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

from workflow_scripts.lib.config.training import Model, Sft
from workflow_scripts.lib.errors import UserError
from workflow_scripts.lib.training import gates
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
    assert caught.value.what == "the gradient of step 1 is nan"
    assert caught.value.where == "sft.learning_rate, model.dtype"


def test_out_of_memory_says_what_to_change() -> None:
    sft = Sft.model_validate(tiny.section("sft", micro_batch_size=4, gradient_checkpointing=False))
    model = Model.model_validate(tiny.section("model"))
    error = gates.explain_out_of_memory(torch.OutOfMemoryError("CUDA out of memory.\nmore"), "sft", sft, model)
    assert error.what == "out of memory: CUDA out of memory."
    assert error.change.startswith("sft.micro_batch_size: 2 (halves the activations); or sft.gradient_checkpointing")
    small = sft.model_copy(update={"micro_batch_size": 1, "gradient_checkpointing": True})
    last = gates.explain_out_of_memory(torch.OutOfMemoryError(""), "sft", small, model).change
    assert last.startswith("model.quantization: nf4")
    assert "sft.max_length below" in last
