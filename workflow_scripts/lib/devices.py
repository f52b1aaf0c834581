"""Whose turn it is to compute, where several runs work side by side: one step that trains or evaluates a device.

A single run leaves that to Snakemake's ``gpu`` resource, which knows nothing of other runs.
"""

import fcntl
import json
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
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


def shared(folder: Path, cards: list[str]) -> dict[str, str]:
    """Return the variables that make the steps of several runs take turns.

    Args:
        folder: Where the locks are.
        cards: Values of CUDA_VISIBLE_DEVICES, one a turn; none: one turn, and a step sees what there is.
    """
    return {VARIABLE: json.dumps({"folder": str(folder.resolve()), "cards": cards})}


@contextmanager
def reserved(is_heavy: bool, tell_waiting: Callable[[], None]) -> Iterator[Device]:
    """Wait for a free device; one that has to take no turn gets none."""
    told = os.environ.get(VARIABLE)
    if not is_heavy or told is None:
        yield Device()
        return
    folder, cards = Path(json.loads(told)["folder"]), json.loads(told)["cards"]
    folder.mkdir(parents=True, exist_ok=True)
    waiting = False
    while True:
        for number, card in enumerate(cards or [None]):
            with (folder / f"device-{number}.lock").open("a") as lock:
                if _is_free(lock):
                    yield Device([lock], {} if card is None else {"CUDA_VISIBLE_DEVICES": card})
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
