"""Run a trainer from its last checkpoint to the end and leave adapter, metrics and timing."""

import logging
import resource
import sys
import time
from pathlib import Path
from typing import Any

import torch
from peft import set_peft_model_state_dict
from safetensors.torch import load_file

from workflow_scripts.lib import folders, jsonl
from workflow_scripts.lib.training import checkpoints, early_stopping, gates, memory_try, schedule
from workflow_scripts.lib.training.exact_trainer import ExactTrainer
from workflow_scripts.lib.training.orders import Order
from workflow_scripts.lib.training.rows import Ledger

log = logging.getLogger(__name__)
ADAPTER_FILES = ("adapter_model.safetensors", "adapter_config.json")


def run(trainer: ExactTrainer, folder: Path, evaluations: int | None, every: int | None = None) -> dict[str, Any]:
    """Train to the end and leave the best adapter (without validations: the last one) in the model.

    Args:
        trainer: Ready to train.
        folder: Checkpoints of exactly this run.
        evaluations: Validations, evenly spread.
        every: Steps between two validations, in place of their number.

    Returns:
        Steps, losses, validations and the step the adapter is of; no times.
    """
    best = schedule.BestAdapter(folder / "best")
    validations = schedule.EvenValidations(evaluations, every, trainer.args.max_steps)
    if validations.at:
        trainer.add_callback(validations)
        trainer.add_callback(best)
    trainer.add_callback(early_stopping.EarlyStopping(trainer.patience))
    trainer.add_callback(memory_try.MemoryTry(trainer))
    gates.check_trainable(trainer.model, trainer.SECTION)
    gates.check_disk(folder, trainer.model)
    trainer.add_callback(gates.LearnsSomething(trainer.SECTION))
    trainer.add_callback(schedule.Progress())
    stop = schedule.StopOnSignal()
    trainer.add_callback(stop)
    trainer.train(resume_from_checkpoint=checkpoints.last(folder))
    stop.received = trainer.on_any_process(stop.received)
    trainer.accelerator.wait_for_everyone()  # the first process has written what all of them read
    stop.leave_if_stopped(trainer.state)
    training, validation = schedule.history(trainer.state)
    step = trainer.state.global_step
    if best.note.exists() and validations.at:
        step = jsonl.read_json(best.note)["step"]
        weights = load_file(best.folder / ADAPTER_FILES[0])
        set_peft_model_state_dict(trainer.accelerator.unwrap_model(trainer.model), weights)
    return {
        "steps": trainer.state.global_step,
        "best_step": step,
        "first_loss": training[0]["loss"],
        "last_loss": training[-1]["loss"],
        "tokens_trained": sum(entry["tokens"] for entry in training),
        "trainable_parameters": sum(p.numel() for p in trainer.model.parameters() if p.requires_grad),
        "loss": training,
        "validation": validation,
    }


def ledger_figures(train: Ledger, validation: Ledger, order: Order) -> dict[str, Any]:
    """Return what became of the rows, for metrics.json."""
    return {
        "rows": train.rows,
        "rows_lost": train.counts(),
        "context_turns": train.context_turns,  # replies that are not learned, as the chat template changes them later
        "rows_per_epoch": order.rows_per_epoch,  # fewer than the rest where a language quota leaves some out
        "validation_rows": validation.rows,
        "validation_rows_lost": validation.counts(),
    }


def save_adapter(model: Any, weights: dict[str, torch.Tensor], tokenizer: Any, output: Path, base: str) -> None:
    """Save a stage's adapter and tokenizer: safetensors and JSON only, the same bytes for the same weights.

    Args:
        model: A PEFT model.
        weights: Its trained weights, whole.
        tokenizer: Saved beside the adapter.
        output: Folder to save to.
        base: Name of the base model to write into the adapter's config.
    """
    with folders.staged(output) as part:
        model.save_pretrained(part, selected_adapters=["default"], state_dict=weights)
        tokenizer.save_pretrained(part)
        (part / "README.md").unlink(missing_ok=True)  # the model card is written after evaluation, by its own rule
        settings = jsonl.read_json(part / ADAPTER_FILES[1])
        settings["base_model_name_or_path"] = base
        for name, value in settings.items():  # PEFT keeps module names in sets, whose order differs between runs
            if name.endswith("_modules") and isinstance(value, list):
                settings[name] = sorted(value)
        jsonl.write_json(part / ADAPTER_FILES[1], settings)


class Stopwatch:
    """Time and memory of a training run."""

    def __init__(self) -> None:
        self.started = time.monotonic()

    def figures(self, metrics: dict[str, Any], trainer: ExactTrainer) -> dict[str, Any]:
        """Return what timing.json holds: seconds, tokens per second, bytes, and the machine's facts."""
        seconds = time.monotonic() - self.started
        progress = next(c for c in trainer.callback_handler.callbacks if isinstance(c, schedule.Progress))
        steps = metrics["steps"] - progress.first_step
        cuda = torch.cuda.is_available()
        unit = 1 if sys.platform == "darwin" else 1024  # ru_maxrss is in KiB on Linux
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit
        return {
            "seconds": round(seconds, 1),
            "resumed_after_step": progress.first_step,
            "seconds_per_step": round(seconds / max(1, steps), 3),
            "tokens_per_second": round(progress.tokens / seconds, 1),
            "peak_memory_bytes": torch.cuda.max_memory_allocated() if cuda else peak,
            "device": torch.cuda.get_device_name() if cuda else str(trainer.args.device),
            "threads": torch.get_num_threads(),
            "torch": torch.__version__,
        }
