"""What waits in the computer's memory comes back the same, and weights do not travel."""

import logging
from pathlib import Path
from typing import Any

import building
import pytest
import tiny
import torch
from building import dialogue, pair

from workflow_scripts.lib.config.training import Align, Sft
from workflow_scripts.lib.training import activation_offloading, memory_try
from workflow_scripts.lib.training.rows import encode_pairs, encode_sft_rows


@pytest.fixture
def copied(monkeypatch: pytest.MonkeyPatch) -> list[torch.Tensor]:
    """Let a CPU count as a device with memory of its own, and note what is copied off it."""
    found: list[torch.Tensor] = []
    store = activation_offloading.stored

    def noted(tensor: torch.Tensor) -> Any:
        found.append(tensor)
        return store(tensor)

    monkeypatch.setattr(activation_offloading, "stored", noted)
    monkeypatch.setattr(activation_offloading, "helps", lambda device: True)
    return found


def make(kind: str, base: Path, tokenizer: Any, folder: Path, **changes: Any) -> Any:
    if kind == "sft":
        sft = Sft.model_validate(tiny.section("sft"))
        rows, _ = encode_sft_rows(tokenizer, [dialogue(str(i), "写", "春" * (i + 5)) for i in range(4)], sft, None)
        return building.sft_trainer(base, tokenizer, rows, folder, neftune_noise_alpha=5.0, **changes)
    align = Align.model_validate(tiny.section("align"))
    made = [pair(str(i), "写" * (i + 5), "春风", "秋月明") for i in range(4)]
    pairs, _ = encode_pairs(tokenizer, made, align, None)
    return building.preference_trainer(base, tokenizer, pairs, folder, **changes)


def step(trainer: Any, checkpointing: bool) -> tuple[float, dict[str, torch.Tensor]]:
    if checkpointing:
        trainer.model.gradient_checkpointing_enable()
    torch.manual_seed(building.SEED)
    return building.loss_and_gradients(trainer, [trainer.heaviest_batch()])


@pytest.mark.parametrize("checkpointing", [False, True])
@pytest.mark.parametrize("kind", ["sft", "orpo"])
def test_gradients_are_the_same_bit_for_bit(
    base: Path, tokenizer: Any, tmp_path: Path, copied: list[torch.Tensor], kind: str, checkpointing: bool
) -> None:
    loss, gradients = step(make(kind, base, tokenizer, tmp_path), checkpointing)
    assert not copied
    trainer = make(kind, base, tokenizer, tmp_path, activation_offloading=True)
    found, offloaded = step(trainer, checkpointing)
    assert found == loss
    assert any(gradient.any() for gradient in gradients.values())
    assert gradients.keys() == offloaded.keys()
    for name, gradient in gradients.items():
        assert torch.equal(gradient, offloaded[name]), name

    weights = {weight.data_ptr() for weight in trainer.model.parameters()}
    assert not weights & {tensor.data_ptr() for tensor in copied}
    vocabulary = trainer.model.config.vocab_size
    assert not [tensor.shape for tensor in copied if tensor.shape[-1] == vocabulary]  # no logits
    hidden = (*trainer.heaviest_batch()["input_ids"].shape, trainer.model.config.hidden_size)
    layers = trainer.model.config.num_hidden_layers
    shapes = [tuple(tensor.shape) for tensor in copied]
    if checkpointing:  # each layer's input, and the last norm's input and output
        assert shapes.count(hidden) in range(layers, layers + 3)
        assert len(shapes) <= layers + 4
    else:
        assert len(shapes) > 20 * layers


def test_the_memory_try_offloads_too_and_validation_does_not(
    base: Path, tokenizer: Any, tmp_path: Path, copied: list[torch.Tensor]
) -> None:
    trainer = make("sft", base, tokenizer, tmp_path, activation_offloading=True)
    trainer.evaluate()
    assert not copied
    memory_try.attempt(trainer)
    assert copied


@pytest.mark.parametrize(
    "tensor",
    [
        torch.arange(24.0).reshape(2, 3, 4).transpose(0, 2),
        torch.arange(12.0).reshape(3, 4)[:, None].expand(3, 5, 4),
        torch.arange(40.0).reshape(5, 8)[1:, 2:5],
        torch.tensor(3.0),
        torch.tensor([True, False]),
    ],
    ids=["transposed", "expanded", "a part of rows", "number", "mask"],
)
def test_a_tensor_comes_back_with_its_strides(tensor: torch.Tensor) -> None:
    expected = tensor.clone()
    back = activation_offloading.stored(tensor)
    tensor.untyped_storage().fill_(0)  # its memory is used for something else meanwhile
    assert torch.equal(back(), expected)
    assert back().stride() == tensor.stride()
    assert back().dtype == tensor.dtype


def test_a_cpu_has_no_other_memory(
    base: Path, tokenizer: Any, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO):
        trainer = make("orpo", base, tokenizer, tmp_path, activation_offloading=True)
    assert not trainer.offloading
    assert "align.activation_offloading does nothing on cpu, whose memory is the computer's" in caplog.text
    assert activation_offloading.helps(torch.device("cuda", 0))
