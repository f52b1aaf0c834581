"""Batches as large as memory holds: the configured size is where the search begins."""

import logging
from collections.abc import Callable, Iterator, Sequence
from typing import TypeVar

import torch

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
        torch.cuda.empty_cache()  # here, where the failed attempt holds nothing any more
        log.warning("out of memory with %d at a time, going on with %d", len(batch), size)
