"""Time the steps of a training run, by the clock and by the main thread.

The main thread does all serial work and its share of all parallel work, and sleeps while it waits
(OMP_WAIT_POLICY=passive): its processor time is close to what the clock would show on a machine that does nothing
else. Says nothing about a GPU.
"""

import itertools
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from statistics import fmean
from typing import Any

from transformers import PrinterCallback, Trainer, TrainerCallback

Times = tuple[float, float]  # seconds by the clock, and of processor time of the main thread
NOTHING: Times = (0.0, 0.0)


@dataclass
class Run:
    """One training run.

    Attributes:
        seconds: Of each step.
        losses: Of each step.
        once: What preparing the rows of one step took.
    """

    seconds: list[Times]
    losses: list[float]
    once: Times


@dataclass
class Contender:
    """A trainer to be timed; ``build`` returns it with the time that preparing its rows took."""

    name: str
    build: Callable[[], tuple[Trainer, Times]]
    same_loss: bool = True  # whether its losses are to equal ours
    runs: list[Run] = field(default_factory=list)

    def seconds_per_step(self) -> Times:
        """Return the mean over steps of the least time any run took for the step; the first step warms up."""
        best = [least(times) for times in zip(*(run.seconds for run in self.runs), strict=True)][1:]
        return fmean(clock for clock, _ in best), fmean(thread for _, thread in best)

    def largest_difference(self, other: "Contender") -> float:
        """Return the largest relative difference of the losses of any step of any run."""
        runs = zip(self.runs, other.runs, strict=True)
        pairs = itertools.chain.from_iterable(zip(a.losses, b.losses, strict=True) for a, b in runs)
        return max(abs(left - right) / abs(left) for left, right in pairs)


class StepClock(TrainerCallback):
    """Note the time of each step, fetching of its batch included."""

    def __init__(self) -> None:
        self.stamps: list[Times] = []

    def on_train_begin(self, *_: Any, **__: Any) -> None:
        self.stamps = [now()]

    def on_step_end(self, *_: Any, **__: Any) -> None:
        self.stamps.append(now())


def now() -> Times:
    return time.perf_counter(), time.thread_time()


def between(before: Times, after: Times) -> Times:
    return after[0] - before[0], after[1] - before[1]


def least(times: Iterable[Times]) -> Times:
    clock, thread = zip(*times, strict=True)
    return min(clock), min(thread)


def run_once(contender: Contender) -> Run:
    trainer, once = contender.build()
    trainer.remove_callback(PrinterCallback)
    clock = StepClock()
    trainer.add_callback(clock)
    trainer.train()
    losses = [entry["loss"] for entry in trainer.state.log_history if "loss" in entry]
    seconds = [between(before, after) for before, after in itertools.pairwise(clock.stamps)]
    return Run(seconds, losses, (once[0] / len(losses), once[1] / len(losses)))
