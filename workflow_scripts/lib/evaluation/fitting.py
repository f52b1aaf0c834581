"""Batches as large as memory holds: the configured size is where the search begins."""

import logging
from collections.abc import Callable, Iterator, Sequence
from typing import TypeVar

import torch

from workflow_scripts.lib import runtime
from workflow_scripts.lib.processes import everyones, share

Item, Result = TypeVar("Item"), TypeVar("Result")
log = logging.getLogger(__name__)


def in_fitting_batches(
    items: Sequence[Item], size: int, run: Callable[[Sequence[Item]], Result]
) -> Iterator[tuple[Sequence[Item], Result]]:
    """Yield batches and what ``run`` returns of them; where memory runs out, the size is halved from there on.

    Raises:
        torch.OutOfMemoryError: If a single item does not fit.
    """
    start = 0
    while start < len(items):
        batch = items[start : start + size]
        try:
            result = run(batch)
        except torch.OutOfMemoryError:
            if len(batch) == 1:
                raise
            size, result = len(batch) // 2, None
        else:
            yield batch, result
            start += len(batch)
            continue
        _tell(len(batch), size)


def in_shared_batches(
    items: Sequence[Item], size: int, run: Callable[[Sequence[Item]], Result]
) -> Iterator[tuple[Sequence[Item], Result]]:
    """Yield the same batches and results, in no certain order, with the batches shared out among a job's processes.

    A batch holds the same items however many processes there are, so its results are the same. All processes are given
    all results.

    Raises:
        torch.OutOfMemoryError: If a single item does not fit.
    """
    if runtime.num_processes() == 1:
        yield from in_fitting_batches(items, size, run)
        return
    own = share([items[start : start + size] for start in range(0, len(items), size)])
    found: list[tuple[Sequence[Item], Result]] = []
    for batch in own:
        parts = list(in_fitting_batches(batch, size, run))
        size = min(size, max(len(part) for part, _ in parts))
        found += parts
    yield from everyones(found)


def with_fitting_size(size: int, run: Callable[[int], Result]) -> Result:
    """Return what ``run`` returns with this size, halved as often as memory runs out.

    For work that cuts its batches itself, and takes the largest first.

    Raises:
        torch.OutOfMemoryError: If it does not fit with a size of 1.
    """
    while True:
        try:
            return run(size)
        except torch.OutOfMemoryError:
            if size == 1:
                raise
        _tell(size, size // 2)
        size //= 2


def _tell(size: int, smaller: int) -> None:
    torch.cuda.empty_cache()  # here, where the failed attempt holds nothing any more
    log.warning("out of memory with %d at a time, going on with %d", size, smaller)
