"""Whose turn it is to compute, where steps work side by side: one step that trains or evaluates a device.

How many steps of one run may be at work says Snakemake's ``gpu`` resource, which knows neither other runs nor cards.
"""

import fcntl
import json
import os
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TextIO

VARIABLE = "TUIQIAO_DEVICES"
_PAUSE = 0.5  # seconds between two looks for a free device


@dataclass(frozen=True)
class Device:
    """A device in use: the lock on it, and the variables that let a command see no other."""

    locks: list[TextIO] = field(default_factory=list)
    variables: dict[str, str] = field(default_factory=dict)


def shared(folder: Path, cards: list[str], *, one_by_one: bool = False) -> dict[str, str]:
    """Return the variables that make steps take turns.

    Args:
        folder: Where the locks are.
        cards: Values of CUDA_VISIBLE_DEVICES, one a turn; none: one turn, and a step sees what there is.
        one_by_one: Whether a step of several processes takes a card for each; else they share what one turn gives.
    """
    return {VARIABLE: json.dumps({"folder": str(folder.resolve()), "cards": cards, "one_by_one": one_by_one})}


def of_a_run(number: int, folder: Path) -> dict[str, str]:
    """Return the variables by which so many steps of one run work side by side, on a card each; none for one step.

    A sweep, which has said already who takes turns with whom, is left alone.
    """
    if number < 2 or VARIABLE in os.environ:
        return {}
    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    cards = visible.split(",") if visible else [str(card) for card in range(number)]
    return shared(folder, cards[:number], one_by_one=True)


@contextmanager
def reserved(is_heavy: bool, tell_waiting: Callable[[], None], num_processes: int = 1) -> Iterator[Device]:
    """Wait for a free device, or several for several processes; a step that has to take no turn gets none."""
    told = os.environ.get(VARIABLE)
    if not is_heavy or told is None:
        yield Device()
        return
    settings = json.loads(told)
    folder, cards = Path(settings["folder"]), settings["cards"] or [None]
    wanted = min(num_processes, len(cards)) if settings["one_by_one"] else 1
    folder.mkdir(parents=True, exist_ok=True)
    waiting = False
    while True:
        with ExitStack() as held:
            taken: list[tuple[TextIO, str | None]] = []
            for number, card in enumerate(cards):
                lock = held.enter_context((folder / f"device-{number}.lock").open("a"))
                if len(taken) < wanted and _is_free(lock):
                    taken.append((lock, card))
            if len(taken) == wanted:
                seen = [card for _, card in taken if card is not None]
                yield Device([lock for lock, _ in taken], {"CUDA_VISIBLE_DEVICES": ",".join(seen)} if seen else {})
                return
        if not waiting:
            tell_waiting()
            waiting = True
        time.sleep(_PAUSE)


def _is_free(lock: TextIO) -> bool:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
