"""What the processes of one job do together: meet, wait for the first, and share out work."""

import datetime
import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from accelerate import PartialState
from accelerate.utils import gather_object

from workflow_scripts.lib import runtime

# Whoever waits may wait as long as another run holds the checkpoint folder; the launcher ends all when one dies.
PATIENCE = datetime.timedelta(days=7)


def join() -> PartialState:
    """Meet the other processes of this job, take the own device, and share the CPU's threads."""
    threads, num_processes = runtime.use_threads(), runtime.num_processes()
    if num_processes == 1:
        return PartialState()
    cpu = not torch.cuda.is_available()
    if cpu:
        os.environ["ACCELERATE_USE_CPU"] = "true"  # Trainer makes the state anew and reads this
        torch.set_num_threads(max(1, threads // num_processes))
    return PartialState(cpu=cpu, timeout=PATIENCE)


@contextmanager
def first_alone() -> Iterator[bool]:
    """Let the first process through, and the others once it is done; gives whether this is the first."""
    state = PartialState()
    with state.main_process_first():
        yield state.is_main_process


def share_out(rows: list[Any]) -> list[Any]:
    """Return every nth row, those of this process; the first one again where others have one more.

    So all processes have as much to do, and none waits for another to compute with it.
    """
    state = PartialState()
    own = rows[state.process_index :: state.num_processes]
    return own if len(own) * state.num_processes >= len(rows) else [*own, rows[0]]


def gathered(own: list[Any], num_rows: int) -> list[Any]:
    """Return what all processes made of their shares, in the order of the rows that were shared out."""
    if PartialState().num_processes == 1:
        return own
    parts = gather_object([own])
    return [found for place in zip(*parts, strict=True) for found in place][:num_rows]


def share(batches: list[Any]) -> list[Any]:
    """Return every nth batch, those of this process."""
    state = PartialState()
    return batches[state.process_index :: state.num_processes]


def everyones(found: list[Any]) -> list[Any]:
    """Return what all processes found, those of the first process first."""
    return found if PartialState().num_processes == 1 else gather_object(found)
