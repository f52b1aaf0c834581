"""End a run whose validation loss has stopped falling."""

from typing import Any

from transformers import TrainerCallback, TrainerControl, TrainerState


class EarlyStopping(TrainerCallback):
    """Stop after a number of validations in a row that did not better the best one before them."""

    def __init__(self, patience: int | None) -> None:
        self.patience = patience

    def on_evaluate(self, args: Any, state: TrainerState, control: TrainerControl, **_: Any) -> None:
        if is_over(state, self.patience):
            control.should_training_stop = True


def is_over(state: TrainerState, patience: int | None) -> bool:
    """Tell from the logged validations whether the run has ended; also of a checkpoint."""
    losses = [entry["eval_loss"] for entry in state.log_history if "eval_loss" in entry]
    return bool(patience and losses) and len(losses) - 1 - losses.index(min(losses)) >= patience
