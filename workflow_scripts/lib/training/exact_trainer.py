"""What SFT and alignment trainers share: losses that do not depend on how a batch is cut up."""

import logging
from abc import ABC, abstractmethod
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import torch
from torch.utils.data import DataLoader
from transformers import PrinterCallback, Trainer, TrainerState
from transformers.trainer import TRAINER_STATE_NAME

from workflow_scripts.lib import jsonl
from workflow_scripts.lib.training import activation_offloading, early_stopping, gates, sharding, steps
from workflow_scripts.lib.training.cutting import Cutting
from workflow_scripts.lib.training.log_probs import unwrap
from workflow_scripts.lib.training.orders import Order

log = logging.getLogger(__name__)
LOGGED = "logged_sums.json"  # in a checkpoint: sums since the last log line, so that any step can be resumed after
LOSS, STEPS = "loss", "steps"  # sums since the last log line, beside those of the subclass
Sums = dict[str, torch.Tensor]
Watch = Callable[[Any], tuple[dict[str, float], list[str]]]


class ExactTrainer(Trainer, ABC):
    """A Trainer whose loss is a sum over rows divided by totals of the whole optimizer step.

    Micro batches, accumulation and processes therefore add up to exactly the loss of one large batch, weights
    included, and validation is the same figure over the validation rows. Subclasses say what is summed.

    To Trainer an optimizer step is one item, the list of its micro batches, and a run is one epoch of ``max_steps``
    items: how many micro batches a step has may differ, and a resumed run only counts steps.

    Args:
        order: The global batches.
        bin_tokens: Most tokens of a sequence that rows are packed into; None: no packing.
        watch: Gives figures and texts of the model's replies, for each validation; None: no replies.
        patience: Validations without improvement after which the run ends; None: it never ends early.
        offloading: Whether what the backward pass needs waits in the computer's memory, on a card.
    """

    SECTION: str  # of the config, for messages

    def __init__(
        self,
        *args: Any,
        order: Order,
        bin_tokens: int | None = None,
        watch: Watch | None = None,
        patience: int | None = None,
        offloading: bool = False,
        **kwargs: Any,
    ) -> None:
        if kwargs["args"].n_gpu > 1:
            kwargs["args"]._n_gpu = 1  # or Trainer spreads each batch of one process over all cards (DataParallel)
        super().__init__(*args, **kwargs)
        self.order, self.watch, self.patience = order, watch, patience
        self.offloading = offloading and activation_offloading.helps(self.args.device)
        if offloading and not self.offloading:
            key, device = f"{self.SECTION}.activation_offloading", self.args.device
            log.info("%s does nothing on %s, whose memory is the computer's", key, device)
        self.cutting = Cutting(
            self.args.per_device_train_batch_size,
            bin_tokens,
            self.accelerator.process_index,
            self.accelerator.num_processes,
        )
        self.model_accepts_loss_kwargs = True  # the loss is divided by totals, by nothing else
        self._logged: Sums = {}
        self.remove_callback(PrinterCallback)  # prints dicts; lib/training/schedule.py prints lines for people

    def create_accelerator_and_postprocess(self) -> None:
        sharding.let_cpus_share()
        super().create_accelerator_and_postprocess()

    def _prepare_for_training(self, *args: Any, **kwargs: Any) -> Any:
        sharding.sum_gradients_in_float32(self.accelerator, unwrap(self.model).dtype)
        prepared = super()._prepare_for_training(*args, **kwargs)
        sharding.let_gloo_reduce(self.model)
        return prepared

    @abstractmethod
    def count(self, batch: dict[str, torch.Tensor]) -> torch.Tensor:
        """Return what a batch adds to the totals its sums are divided by, (totals,)."""

    @abstractmethod
    def sums(self, model: Any, batch: dict[str, torch.Tensor]) -> Sums:
        """Run the model and return sums over the batch, those that make up the loss with gradient."""

    @abstractmethod
    def loss_of(self, sums: Sums, totals: torch.Tensor) -> torch.Tensor:
        """Return the loss from sums over some rows and the totals of all rows it is the mean of."""

    @abstractmethod
    def describe(self, sums: Sums) -> dict[str, float]:
        """Return the figures to log, from sums over any number of batches."""

    def get_train_dataloader(self) -> DataLoader:
        made = steps.MicroBatches(self.train_dataset, self.cutting, self.data_collator)
        return steps.loader(steps.Steps(made, self.order, self.args.max_steps))

    def get_eval_dataloader(self, *_: Any) -> DataLoader:
        made = steps.MicroBatches(self.eval_dataset, self.cutting, self.data_collator)
        return steps.loader(steps.Validation(made))

    def heaviest_batch(self) -> dict[str, Any]:
        """Return the first micro batch that a global batch of the longest rows would have."""
        made = steps.MicroBatches(self.train_dataset, self.cutting, self.data_collator)
        longest = sorted(range(len(made.lengths)), key=lambda row: -made.lengths[row])
        return made.collated(made.cut(longest[: max(map(len, self.order.batches(0)))])[0])

    def forget_logged(self) -> None:
        """Forget the sums since the last log line."""
        self._logged = {}

    def _get_num_items_in_batch(self, batch_samples: list, device: torch.device) -> torch.Tensor:
        (micro_batches,) = batch_samples
        totals = torch.stack([self._count(batch) for batch in micro_batches]).sum(dim=0).to(device)
        return self.accelerator.reduce(totals, reduction="sum")

    def training_step(self, model: Any, inputs: list, num_items_in_batch: torch.Tensor | None = None) -> torch.Tensor:
        parts = []
        self._note({STEPS: torch.tensor(int(self.is_world_process_zero()), device=self.args.device)})
        for number, batch in enumerate(inputs, start=1):
            # gradients are exchanged once, after the last micro batch; DeepSpeed steps when it is told so
            self.accelerator.gradient_state._set_sync_gradients(number == len(inputs))
            with nullcontext() if number == len(inputs) else self.accelerator.no_sync(model):
                parts.append(super().training_step(model, batch, num_items_in_batch))
        gates.check_losses(parts, self.state.global_step + 1, inputs, self.SECTION)
        return torch.stack(parts).sum()

    def floating_point_ops(self, inputs: list) -> int:
        return sum(super(ExactTrainer, self).floating_point_ops(batch) for batch in inputs)

    def compute_loss(
        self,
        model: Any,
        inputs: dict,
        return_outputs: bool = False,
        num_items_in_batch: torch.Tensor | None = None,
    ) -> torch.Tensor:
        totals = self._count(inputs) if num_items_in_batch is None else num_items_in_batch
        with activation_offloading.offloaded(model) if self.offloading else nullcontext():
            sums = self._sums(model, inputs)
        loss = self.loss_of(sums, totals)
        self._note(sums | {LOSS: loss})
        # DDP averages gradients over processes, and the totals are already of all of them.
        return loss * self.accelerator.num_processes

    def _note(self, sums: Sums) -> None:
        for name, value in sums.items():
            self._logged[name] = self._logged.get(name, 0) + value.detach()

    def _count(self, batch: dict[str, Any]) -> torch.Tensor:
        return self.count(batch) * _share(batch)

    def _sums(self, model: Any, batch: dict[str, Any]) -> Sums:
        return {name: value * _share(batch) for name, value in self.sums(model, batch).items()}

    def on_any_process(self, flag: bool) -> bool:
        """Return whether a flag is set on any process."""
        return bool(self.accelerator.reduce(torch.tensor(int(flag), device=self.args.device), "sum"))

    def _maybe_log_save_evaluate(self, *args: Any, **kwargs: Any) -> None:
        # A signal reaches processes at different steps; one that saves or stops alone would wait for the rest forever.
        if self.accelerator.num_processes > 1:
            for name in ("should_save", "should_training_stop"):
                setattr(self.control, name, self.on_any_process(getattr(self.control, name)))
        super()._maybe_log_save_evaluate(*args, **kwargs)

    def _over_processes(self, sums: Sums) -> Sums:
        """Add up over processes, in an order that is the same in each."""
        return {name: self.accelerator.reduce(sums[name], "sum") for name in sorted(sums)}

    def log(self, logs: dict[str, float], start_time: float | None = None) -> None:
        if "loss" in logs and self._logged:
            sums = self._over_processes(self._logged)
            # Trainer's own mean forgets the steps before a checkpoint.
            logs = {**logs, LOSS: (sums.pop(LOSS) / sums.pop(STEPS)).item(), **self.describe(sums)}
            self._logged = {}
        self.state.epoch = self.state.global_step / len(self.order.batches(0))  # a run is one epoch to Trainer
        super().log(logs, start_time)

    def train(self, resume_from_checkpoint: str | None = None, **kwargs: Any) -> Any:
        if self.accelerator.process_index:  # dropout and noise are drawn apart; a checkpoint keeps each one's state
            torch.manual_seed(self.args.seed + self.accelerator.process_index)
        if resume_from_checkpoint:
            kept = jsonl.read_json(Path(resume_from_checkpoint) / LOGGED)
            self._logged = {name: self._own_part(*each) for name, each in kept.items()}
            state = TrainerState.load_from_json(str(Path(resume_from_checkpoint) / TRAINER_STATE_NAME))
            # Trainer (transformers 5.23) would take one step more
            if state.global_step >= self.args.max_steps or early_stopping.is_over(state, self.patience):
                self.state = state
                self._load_from_checkpoint(resume_from_checkpoint)
                self.control = self.callback_handler.on_train_begin(self.args, self.state, self.control)
                return None
        return super().train(resume_from_checkpoint=resume_from_checkpoint, **kwargs)

    def save_model(self, output_dir: str | None = None, _internal_call: bool = False) -> None:
        if sharding.is_wanted():  # Trainer would gather the base model as well
            self._save(output_dir, state_dict=sharding.trained_weights(self.model))
        else:
            super().save_model(output_dir, _internal_call)

    def _save_checkpoint(self, model: Any, trial: Any) -> None:
        # Before the rest: a checkpoint counts as complete once its trainer_state.json is there (checkpoints.last).
        gathered = {name: self.accelerator.gather(self._logged[name].reshape(1)) for name in sorted(self._logged)}
        if self.is_world_process_zero():
            folder = Path(self._get_output_dir(trial=trial)) / f"checkpoint-{self.state.global_step}"
            kept = {name: (value.tolist(), str(value.dtype).removeprefix("torch.")) for name, value in gathered.items()}
            jsonl.write_json(folder / LOGGED, kept)
        super()._save_checkpoint(model, trial)

    def _own_part(self, parts: list[float], dtype: str) -> torch.Tensor:
        """Return what this process had added up; if there were more or fewer processes, the first has it all."""
        if len(parts) != self.accelerator.num_processes:
            parts = [sum(parts), *[0] * (self.accelerator.num_processes - 1)]
        return torch.tensor(parts[self.accelerator.process_index], dtype=getattr(torch, dtype), device=self.args.device)

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
                for name, value in self._sums(model, prepared).items():
                    sums[name] = sums.get(name, 0) + value
                counted = self._count(prepared)
                totals = counted if totals is None else totals + counted
        sums = self._over_processes(sums)
        totals = self.accelerator.reduce(totals, "sum")
        figures = {"loss": self.loss_of(sums, totals).item(), **self.describe(sums)}
        texts: list[str] = []
        if self.watch is not None:
            watched, texts = self.watch(self.accelerator.unwrap_model(model))
            figures |= watched
        metrics = {f"eval_{name}": value for name, value in figures.items()}
        model.train(was_training)
        self.log(metrics)
        if texts:  # beside the figures, which trackers take too
            self.state.log_history[-1]["eval_replies"] = texts
        self.control = self.callback_handler.on_evaluate(self.args, self.state, self.control, metrics)
        return metrics


def _share(batch: dict[str, Any]) -> int:
    """Return what a micro batch counts: a filler nothing, so that its gradient is zero too."""
    return 0 if batch.get(steps.FILLER) else 1
