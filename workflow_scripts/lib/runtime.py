"""What a job computes with: threads and processes."""

import os

import torch

from workflow_scripts.lib.execution import execution


def use_threads() -> int:
    """Give torch the configured threads and return their number.

    Snakemake exports OMP_NUM_THREADS=<threads of the rule>, which ``--cores 1`` makes 1: neither the speed nor
    the bytes of a run may follow from that.
    """
    wanted = execution().get("threads", "auto")
    threads = len(os.sched_getaffinity(0)) if wanted == "auto" else int(wanted)
    torch.set_num_threads(threads)
    return threads


def num_processes() -> int:
    """Return the number of processes that accelerate or torchrun launched."""
    return int(os.environ.get("WORLD_SIZE", "1"))
