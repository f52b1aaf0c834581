"""Validate at even distances, keep the best adapter, tell the person waiting how far it is."""

import json
import logging
import signal
import sys
import time
from pathlib import Path
from typing import Any

from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments

from workflow_scripts.lib import jsonl
from workflow_scripts.lib.training import sharding

log = logging.getLogger(__name__)


class EvenValidations(TrainerCallback):
    """Ask for validations at even distances, the last one after the last step."""

    def __init__(self, evaluations: int | None, every: int | None, steps: int) -> None:
        """Spread this many validations, or one ``every`` so many steps, over the steps of a run."""
        self.at = {*range(every, steps, every), steps} if every else _spread(evaluations or 0, steps)

    def on_step_end(self, args: Any, state: TrainerState, control: TrainerControl, **_: Any) -> None:
        control.should_evaluate = state.global_step in self.at
        control.should_log |= control.should_evaluate  # the run may end there


def _spread(number: int, steps: int) -> set[int]:
    return {max(1, round(steps * place / number)) for place in range(1, number + 1)}


class BestAdapter(TrainerCallback):
    """Keep the adapter with the lowest validation loss in its own folder; ties go to the earlier step."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.note = folder / "best.json"

    def on_evaluate(
        self, args: Any, state: TrainerState, control: TrainerControl, model: Any, metrics: dict, **_: Any
    ) -> None:
        weights = sharding.trained_weights(model)  # before any process leaves: all of them have to ask
        if not state.is_world_process_zero:
            return
        best = jsonl.read_json(self.note) if self.note.exists() else None
        # A resumed run comes by a step again that was already judged.
        if best and best["step"] != state.global_step and best["loss"] <= metrics["eval_loss"]:
            return
        model.save_pretrained(self.folder, selected_adapters=["default"], state_dict=weights)
        jsonl.write_json(self.note, {"step": state.global_step, "loss": metrics["eval_loss"]})


class StopOnSignal(TrainerCallback):
    """On SIGTERM, which batch systems send before they kill, save a checkpoint after the running step and stop."""

    def __init__(self) -> None:
        self.received = False

    def on_train_begin(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        signal.signal(signal.SIGTERM, self._note)

    def _note(self, number: int, frame: Any) -> None:
        self.received = True

    def on_step_end(self, args: Any, state: TrainerState, control: TrainerControl, **_: Any) -> None:
        if self.received and state.global_step < state.max_steps:
            control.should_save = control.should_training_stop = True

    def leave_if_stopped(self, state: TrainerState) -> None:
        """End the process as the signal would have, unless training came to its end."""
        if self.received and state.global_step < state.max_steps:
            log.info(
                "told to stop: a checkpoint of step %d is saved, the same command goes on there", state.global_step
            )
            sys.exit(128 + signal.SIGTERM)


class Progress(TrainerCallback):
    """Print one line a logging step: how far, loss, tokens per second, time left."""

    def __init__(self) -> None:
        self.started = 0.0
        self.first_step = 0
        self.tokens = 0

    def on_train_begin(self, args: TrainingArguments, state: TrainerState, control: Any, **_: Any) -> None:
        self.started, self.first_step = time.monotonic(), state.global_step
        if state.global_step:
            log.info("resuming after step %d of %d", state.global_step, state.max_steps)

    def on_step_end(self, args: Any, state: TrainerState, control: TrainerControl, **_: Any) -> None:
        if state.global_step == state.max_steps:
            control.should_log = True  # or the figures of the last steps would never be logged

    def on_log(self, args: Any, state: TrainerState, control: Any, logs: dict, **_: Any) -> None:
        if not state.is_world_process_zero:
            return
        if "eval_loss" in logs:
            log.info("validation after step %d: %s", state.global_step, _figures(logs, "eval_"))
        elif "loss" in logs:
            self.tokens += logs.get("tokens", 0)
            seconds = time.monotonic() - self.started
            each = seconds / max(1, state.global_step - self.first_step)
            left = each * (state.max_steps - state.global_step)
            log.info(
                "step %d/%d  %s  %.0f tokens/s  %.1f s/step  %s left",
                state.global_step,
                state.max_steps,
                _figures(logs, ""),
                self.tokens / seconds,
                each,
                f"{left / 60:.0f} min" if left >= 90 else f"{left:.0f} s",
            )


def _figures(logs: dict, prefix: str) -> str:
    shown = {"loss": "loss %.4f", "reward_accuracy": "accuracy %.3f", "margin": "margin %.4f"}
    return "  ".join(form % logs[prefix + name] for name, form in shown.items() if prefix + name in logs)


def history(state: TrainerState) -> tuple[list[dict], list[dict]]:
    """Return the logged training and validation figures, one dict a step, without times.

    Keys are sorted, as they are in the state that a resumed run goes on with.
    """
    timed = ("runtime", "per_second", "total_flos")
    training, validation = [], []
    for entry in state.log_history:
        figures = {name: entry[name] for name in sorted(entry) if not any(word in name for word in timed)}
        step = {"step": figures.pop("step", None)}
        if "eval_loss" in figures:
            validation.append(step | {name.removeprefix("eval_"): value for name, value in figures.items()})
        elif "loss" in figures:
            training.append(step | figures)
    return json.loads(json.dumps(training)), json.loads(json.dumps(validation))
