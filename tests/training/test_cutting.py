"""Global batches into micro batches: every row once, for any number of processes; bins that fit."""

import numpy as np
import pytest

from workflow_scripts.lib.training.cutting import Cutting, MicroBatch

LENGTHS = [5, 9, 2, 7, 3, 8]


def cut(rows: list[int], *, size: int = 2, bin_tokens: int | None = None, num_processes: int = 1, lengths=LENGTHS):
    """Return each process' micro batches."""
    every = range(num_processes)
    return [Cutting(size, bin_tokens, process, num_processes).cut(rows, lengths) for process in every]


def test_rows_of_similar_length_go_together_the_longest_first() -> None:
    assert cut([0, 1, 2, 3, 4, 5]) == [[MicroBatch([[1], [5]]), MicroBatch([[3], [0]]), MicroBatch([[4], [2]])]]


def test_a_process_with_fewer_rows_gets_a_filler() -> None:
    first, second = cut([0, 1, 2, 3, 4, 5], num_processes=2)
    assert first == [MicroBatch([[1], [5]]), MicroBatch([[4], [2]])]
    assert second == [MicroBatch([[3], [0]]), MicroBatch([[2]], is_filler=True)]


def test_rows_are_packed_into_even_bins_that_fit() -> None:
    assert cut([0, 1, 2, 3, 4, 5], bin_tokens=20) == [[MicroBatch([[1, 0, 4], [5, 3, 2]])]]  # 17 tokens each
    assert cut([0, 1, 2, 3, 4, 5], bin_tokens=40, size=1) == [[MicroBatch([[1, 5, 3, 0, 4, 2]])]]


def test_what_does_not_fit_into_one_pass_takes_more() -> None:
    (passes,) = cut([0, 1, 2, 3, 4, 5], bin_tokens=10)
    assert passes == [MicroBatch([[1], [3, 2]]), MicroBatch([[5], [0, 4]])]


@pytest.mark.parametrize("num_processes", [1, 2, 3])
@pytest.mark.parametrize("bin_tokens", [None, 64, 300])
@pytest.mark.parametrize("size", [1, 4])
def test_every_row_counts_once_and_processes_keep_step(num_processes: int, bin_tokens: int | None, size: int) -> None:
    lengths = np.random.default_rng(0).integers(3, 64, 50).tolist()
    for num_rows in (1, 2, 7, 16, 50):
        parts = cut(
            list(range(num_rows)), size=size, bin_tokens=bin_tokens, num_processes=num_processes, lengths=lengths
        )
        assert len({len(part) for part in parts}) == 1
        bins = [each for part in parts for micro in part if not micro.is_filler for each in micro.bins]
        assert sorted(row for each in bins for row in each) == list(range(num_rows))
        assert all(sum(lengths[row] for row in each) <= (bin_tokens or 64) for each in bins)
        assert all(0 < len(micro.bins) <= size for part in parts for micro in part)
