"""What stops a training run before it has cost anything, or as soon as it learns nothing."""

import math
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from transformers import TrainerCallback, TrainerState

from workflow_scripts.lib.config.training import Model, Training
from workflow_scripts.lib.errors import UserError
from workflow_scripts.lib.provenance.sizes import size
from workflow_scripts.lib.training.steps import ROW_IDS

CHECKPOINTS = 3  # two are kept, and the best adapter
ADAM_STATES = 2  # figures that AdamW keeps for each weight
SHOWN = 8  # row ids in a message


def check_trainable(model: Any, section: str) -> None:
    """Stop if nothing would be trained.

    Raises:
        UserError: Naming the key that chooses what is trained.
    """
    if not any(parameter.requires_grad for parameter in model.parameters()):
        raise UserError("no weight would be trained", f"{section}.lora.target_modules", "name modules the model has")


def check_targets(base: Any, names: str | list[str]) -> None:
    """Stop if a module that LoRA is to adapt does not exist; PEFT passes over a name beside others that do.

    Raises:
        UserError: Naming the modules that the model has.
    """
    wanted = [] if names == "all-linear" else names
    known = [f".{name}" for name, _ in base.named_modules()]
    missing = [name for name in wanted if not any(each.endswith(f".{name}") for each in known)]
    if missing:
        head = base.get_output_embeddings()
        linear = [name for name, each in base.named_modules() if isinstance(each, torch.nn.Linear) and each is not head]
        have = ", ".join(sorted({name.rpartition(".")[2] for name in linear}))
        raise UserError(
            f"the model has no module {', '.join(missing)}",
            "sft.lora.target_modules",
            f"name some of: {have}; or write all-linear",
        )


def check_disk(folder: Path, model: Any) -> None:
    """Stop if the checkpoints would not fit on the disk.

    Raises:
        UserError: Naming what is needed and what is free.
    """
    trained = sum(p.numel() * p.element_size() for p in model.parameters() if p.requires_grad)
    needed = CHECKPOINTS * trained * (1 + ADAM_STATES)
    free = shutil.disk_usage(folder).free
    if free < needed:
        raise UserError(
            f"checkpoints need about {size(needed)}, {size(free)} are free",
            str(folder),
            "free some disk, or lower lora.r",
        )


def check_losses(losses: list[torch.Tensor], step: int, batches: list[dict[str, Any]], section: str) -> None:
    """Stop if a micro batch of a step has a loss that is no finite number.

    Raises:
        UserError: Naming its rows.
    """
    if torch.isfinite(torch.stack(losses)).all():  # one look a step: each makes the CPU wait for the GPU
        return
    loss, batch = next((loss.item(), batch) for loss, batch in zip(losses, batches, strict=True) if not loss.isfinite())
    ids = batch[ROW_IDS]
    more = f" and {len(ids) - SHOWN} more" if len(ids) > SHOWN else ""
    raise UserError(
        f"the loss of step {step} is {loss}, on the rows {', '.join(ids[:SHOWN])}{more}",
        f"{section}.learning_rate, model.dtype",
        "look at these rows; lower the learning rate, or choose bfloat16 or float32",
    )


class LearnsSomething(TrainerCallback):
    """Stop at the first logged step whose gradient is zero, or whose loss is no number."""

    def __init__(self, section: str) -> None:
        self.section = section

    def on_log(self, args: Any, state: TrainerState, control: Any, logs: dict[str, float], **_: Any) -> None:
        norm = logs.get("grad_norm")
        # in float16 gradients are scaled up: a step whose scale was too large is left out, and the next is smaller
        if norm is not None and not math.isfinite(norm) and not args.fp16:
            raise UserError(
                f"the gradient of step {state.global_step} is {norm}",
                f"{self.section}.learning_rate, model.dtype",
                "lower the learning rate, or choose bfloat16 or float32",
            )
        if norm == 0 and state.global_step == 1:
            raise UserError(
                "the first step has no gradient: nothing would be learned",
                self.section,
                "check lora.target_modules, and that rows have a reply to learn",
            )


@contextmanager
def out_of_memory_explained(section: str, training: Training, model: Model) -> Iterator[None]:
    """Say what to change when torch is out of memory, the most telling first, and what each change is worth.

    Raises:
        UserError: In place of torch's error.
    """
    try:
        yield
    except torch.OutOfMemoryError as error:
        raise UserError(*_out_of_memory(error, section, training, model)) from None


def _out_of_memory(
    error: torch.OutOfMemoryError, section: str, training: Training, model: Model
) -> tuple[str, str, str]:
    advice = []
    if training.micro_batch_size > 1:
        advice.append(f"{section}.micro_batch_size: {training.micro_batch_size // 2} (halves the activations)")
    if not training.gradient_checkpointing:
        advice.append(f"{section}.gradient_checkpointing: true (keeps one layer's activations, a third more time)")
    if model.quantization == "none":
        advice.append("model.quantization: nf4 (weights take a quarter of bfloat16)")
    if not training.activation_offloading:
        advice.append(f"{section}.activation_offloading: true (activations wait in the computer's memory)")
    advice.append(f"{section}.max_length below {training.max_length} (activations shrink with it)")
    what = str(error).splitlines()[0] if str(error) else "no memory left"
    return f"out of memory: {what}", section, "; or ".join(advice[:3])
