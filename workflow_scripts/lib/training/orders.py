"""The order in which rows are learned: the global batches of each epoch, a pure function of seed and epoch.

Nothing has to be saved to resume, and every process finds the same order by itself.
"""

from dataclasses import dataclass
from typing import Protocol

import numpy as np

from workflow_scripts.lib.config.training import Training
from workflow_scripts.lib.training.bucket_sampler import MixedBucketSampler


class Order(Protocol):
    """Which rows make up each global batch."""

    rows_per_epoch: int
    batch_size: int

    def batches(self, epoch: int) -> list[list[int]]:
        """Return the global batches of an epoch, numbers of rows; as many in each epoch, only one of them short."""
        ...


@dataclass(frozen=True)
class FileOrder:
    """The rows as they stand, in every epoch."""

    rows_per_epoch: int
    batch_size: int

    def batches(self, epoch: int) -> list[list[int]]:
        return _chunks(list(range(self.rows_per_epoch)), self.batch_size)


@dataclass(frozen=True)
class Shuffled:
    """Another permutation of all rows in each epoch."""

    rows_per_epoch: int
    batch_size: int
    seed: int

    def batches(self, epoch: int) -> list[list[int]]:
        order = np.random.default_rng([self.seed, epoch]).permutation(self.rows_per_epoch)
        return _chunks(order.tolist(), self.batch_size)


def make_order(training: Training, section: str, rows: list[dict], seed: int, curriculum: str) -> Order:
    """Return the configured order of encoded rows.

    Args:
        training: The section's config.
        section: Its name, for messages.
        rows: As ``rows.py`` encodes them.
        seed: Seed of the stage.
        curriculum: ``mix.*.curriculum``; other than none, the order of the file is kept.
    """
    batch_size = training.global_batch_size
    if curriculum != "none":
        return FileOrder(len(rows), batch_size)
    if training.sampler.order == "shuffled":
        return Shuffled(len(rows), batch_size, seed)
    return MixedBucketSampler(
        [num_tokens(row) for row in rows],
        [row["lang"] == "zh" for row in rows],
        batch_size=batch_size,
        buckets=training.sampler.buckets,
        min_zh_ratio=training.sampler.min_zh_ratio,
        seed=seed,
        section=section,
    )


def num_tokens(row: dict) -> int:
    """Return the tokens of an encoded dialogue, or of a pair as one sequence."""
    return (
        len(row["input_ids"]) if "input_ids" in row else sum(map(len, (row["prefix"], row["chosen"], row["rejected"])))
    )


def _chunks(rows: list[int], size: int) -> list[list[int]]:
    return [rows[start : start + size] for start in range(0, len(rows), size)]
