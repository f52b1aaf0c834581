"""The heaviest batches, once, before the first step: what does not fit fails in a minute and not after hours."""

import logging
from typing import Any

import torch
from transformers import TrainerCallback, TrainerState

log = logging.getLogger(__name__)


class MemoryTry(TrainerCallback):
    """Before training, run the longest rows forward and back, and validate on the longest; nothing of it remains.

    On accelerators only: a CPU's memory can be swapped, and the try would take a step's time.
    """

    def __init__(self, trainer: Any) -> None:
        self.trainer = trainer

    def on_train_begin(self, args: Any, state: TrainerState, control: Any, **_: Any) -> None:
        if args.device.type != "cpu" and state.global_step < state.max_steps:
            attempt(self.trainer)


def attempt(trainer: Any) -> None:
    """Run the heaviest training and validation batch; random state, gradients and logged sums stay as they were.

    Raises:
        torch.OutOfMemoryError: If they do not fit.
    """
    model, device = trainer.model_wrapped, trainer.args.device
    gpus = [torch.cuda.current_device()] if device.type == "cuda" else []
    with torch.random.fork_rng(gpus), trainer.compute_loss_context_manager():
        model.train()
        heaviest = trainer.heaviest_batch()
        trainer.compute_loss(model, trainer._prepare_inputs(heaviest)).backward()
        model.zero_grad(set_to_none=True)
        with torch.no_grad():
            model.eval()
            held_out = trainer._prepare_inputs(next(iter(trainer.get_eval_dataloader())))
            trainer.compute_loss(model, held_out)
        model.train()
    trainer.forget_logged()
    if device.type == "cuda":
        peak, size = torch.cuda.max_memory_allocated(), torch.cuda.get_device_properties(device).total_memory
        log.info("the longest batches fit: %.1f of %.1f GiB", peak / 2**30, size / 2**30)
