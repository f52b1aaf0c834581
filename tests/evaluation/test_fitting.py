"""A batch that does not fit is tried again in halves, and nothing is lost or done twice."""

import logging

import pytest
import torch

from workflow_scripts.lib.evaluation.fitting import in_fitting_batches


def room_for(most: int, tried: list[int]):
    def run(batch: list[int]) -> list[int]:
        tried.append(len(batch))
        if sum(batch) > most:
            raise torch.OutOfMemoryError
        return [10 * item for item in batch]

    return run


@pytest.mark.parametrize(
    ("most", "sizes"),
    [(99, [4, 4, 1]), (12, [4, 4, 2, 2, 1]), (9, [4, 4, 2, 2, 1, 1, 1])],
)
def test_all_items_come_in_order(most: int, sizes: list[int], caplog: pytest.LogCaptureFixture) -> None:
    items, tried = [1, 2, 3, 3, 4, 5, 6, 6, 8], []
    caplog.set_level(logging.WARNING)
    found = [
        pair
        for batch, results in in_fitting_batches(items, 4, room_for(most, tried))
        for pair in zip(batch, results, strict=True)
    ]
    assert found == [(item, 10 * item) for item in items]
    assert tried == sizes
    told = [message for message in caplog.messages if message.startswith("out of memory with 4 at a time")]
    assert len(told) == (most < 99)


def test_what_does_not_fit_alone_is_an_error() -> None:
    with pytest.raises(torch.OutOfMemoryError):
        list(in_fitting_batches([1, 9], 2, room_for(5, [])))
