"""What SFT and alignment trainers share: losses that do not depend on how a batch is cut up."""

from pathlib import Path
from typing import Any

import torch
from transformers import PrinterCallback, Trainer, TrainerState
from transformers.trainer import TRAINER_STATE_NAME

from workflow_scripts.lib import jsonl

LOGGED = "logged_sums.json"  # in a checkpoint: sums since the last log line, so that any step can be resumed after
Sums = dict[str, torch.Tensor]


class ExactTrainer(Trainer):
    """A Trainer whose loss is a sum over rows divided by totals of the whole optimizer step.

    Micro batches, accumulation and processes therefore add up to exactly the loss of one large batch, weights
    included, and validation is the same figure over the validation rows. Subclasses say what is summed.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.model_accepts_loss_kwargs = True  # or Trainer divides by the accumulation steps once more
        self._logged: Sums = {}
        self.remove_callback(PrinterCallback)  # prints dicts; lib/training/schedule.py prints lines for people

    def count(self, batch: dict[str, torch.Tensor]) -> torch.Tensor:
        """Return what a batch adds to the totals its sums are divided by, (totals,)."""
        raise NotImplementedError

    def sums(self, model: Any, batch: dict[str, torch.Tensor]) -> Sums:
        """Run the model and return sums over the batch, those that make up the loss with gradient."""
        raise NotImplementedError

    def loss_of(self, sums: Sums, totals: torch.Tensor) -> torch.Tensor:
        """Return the loss from sums over some rows and the totals of all rows it is the mean of."""
        raise NotImplementedError

    def describe(self, sums: Sums) -> dict[str, float]:
        """Return the figures to log, from sums over any number of batches."""
        raise NotImplementedError

    def _get_num_items_in_batch(self, batch_samples: list, device: torch.device) -> torch.Tensor:
        totals = torch.stack([self.count(batch) for batch in batch_samples]).sum(dim=0).to(device)
        return self.accelerator.reduce(totals, reduction="sum")

    def compute_loss(
        self,
        model: Any,
        inputs: dict,
        return_outputs: bool = False,
        num_items_in_batch: torch.Tensor | None = None,
    ) -> torch.Tensor:
        totals = self.count(inputs) if num_items_in_batch is None else num_items_in_batch
        sums = self.sums(model, inputs)
        for name, value in sums.items():
            self._logged[name] = self._logged.get(name, 0) + value.detach()
        # DDP averages gradients over processes, and the totals are already of all of them.
        return self.loss_of(sums, totals) * self.accelerator.num_processes

    def log(self, logs: dict[str, float], start_time: float | None = None) -> None:
        if "loss" in logs and self._logged:
            gathered = {name: self.accelerator.reduce(value, "sum") for name, value in self._logged.items()}
            logs = {**logs, **self.describe(gathered)}
            self._logged = {}
        super().log(logs, start_time)

    def train(self, resume_from_checkpoint: str | None = None, **kwargs: Any) -> Any:
        if resume_from_checkpoint and self.is_world_process_zero():
            kept = jsonl.read_json(Path(resume_from_checkpoint) / LOGGED)
            self._logged = {
                name: torch.tensor(value, dtype=getattr(torch, dtype), device=self.args.device)
                for name, (value, dtype) in kept.items()
            }
        if resume_from_checkpoint:
            state = TrainerState.load_from_json(str(Path(resume_from_checkpoint) / TRAINER_STATE_NAME))
            if state.global_step >= self.args.max_steps:  # Trainer (transformers 5.23) would take one step more
                self.state = state
                self._load_from_checkpoint(resume_from_checkpoint)
                self.control = self.callback_handler.on_train_begin(self.args, self.state, self.control)
                return None
        return super().train(resume_from_checkpoint=resume_from_checkpoint, **kwargs)

    def _save_checkpoint(self, model: Any, trial: Any) -> None:
        # Before the rest: a checkpoint counts as complete once its trainer_state.json is there (checkpoints.last).
        gathered = {name: self.accelerator.reduce(value, "sum") for name, value in self._logged.items()}
        if self.is_world_process_zero():
            folder = Path(self._get_output_dir(trial=trial)) / f"checkpoint-{self.state.global_step}"
            kept = {name: (value.tolist(), str(value.dtype).removeprefix("torch.")) for name, value in gathered.items()}
            jsonl.write_json(folder / LOGGED, kept)
        super()._save_checkpoint(model, trial)

    def evaluate(self, *_: Any, **__: Any) -> dict[str, float]:
        """Return the loss and figures over all validation rows, keys starting with ``eval_``."""
        model = self._wrap_model(self.model, training=False)
        was_training = model.training
        model.eval()
        sums: Sums = {}
        totals = None
        with torch.no_grad():
            for batch in self.get_eval_dataloader():
                prepared = self._prepare_inputs(batch)
                for name, value in self.sums(model, prepared).items():
                    sums[name] = sums.get(name, 0) + value
                counted = self.count(prepared)
                totals = counted if totals is None else totals + counted
        sums = {name: self.accelerator.reduce(value, "sum") for name, value in sums.items()}
        totals = self.accelerator.reduce(totals, "sum")
        figures = {"loss": self.loss_of(sums, totals).item(), **self.describe(sums)}
        metrics = {f"eval_{name}": value for name, value in figures.items()}
        model.train(was_training)
        self.log(metrics)
        self.control = self.callback_handler.on_evaluate(self.args, self.state, self.control, metrics)
        return metrics
