"""Global batches of rows of similar length, with a least share of Chinese rows in each."""

import logging
import math
from collections.abc import Sequence
from fractions import Fraction

import numpy as np

from workflow_scripts.lib.errors import UserError

log = logging.getLogger(__name__)


class MixedBucketSampler:
    """Length buckets times a language quota, round robin, the same for the same seed and epoch.

    Rows are sorted into buckets of equally many rows by length, and mixed at random within a bucket. A batch takes
    rows of one bucket, Chinese and other ones as they come, but never more others than the quota leaves room for;
    those wait for a neighbouring bucket with room. Batches then take turns between the buckets, in proportion to
    their number, so that no length is left for the end of the epoch.

    Every row comes once an epoch, except for what no batch has room for when Chinese rows are short: those left out
    are drawn anew in each epoch.
    """

    def __init__(
        self,
        lengths: Sequence[int],
        is_zh: Sequence[bool],
        *,
        batch_size: int,
        buckets: int,
        min_zh_ratio: float,
        seed: int,
        section: str,
    ) -> None:
        """Sort the rows into buckets.

        Args:
            lengths: Tokens of each row.
            is_zh: Whether a row is Chinese.
            batch_size: Rows of a global batch; the last of an epoch may be short.
            buckets: Number of buckets.
            min_zh_ratio: Least share of Chinese rows of every batch, 0-1.
            seed: Seed of the stage.
            section: ``sft`` or ``align``, for messages.

        Raises:
            UserError: If a quota is asked for and no row is Chinese.
        """
        self.batch_size, self.seed = batch_size, seed
        self._ratio = Fraction(str(min_zh_ratio))
        edges = np.quantile(lengths, np.arange(1, buckets) / buckets)
        self._bucket = np.searchsorted(edges, lengths)
        self._zh, self._others = np.flatnonzero(is_zh), np.flatnonzero(~np.asarray(is_zh, bool))
        if self._ratio and not len(self._zh):
            raise UserError(
                f"min_zh_ratio is {min_zh_ratio}, and none of {len(lengths)} rows is Chinese",
                f"{section}.sampler.min_zh_ratio",
                "set it to 0, or add Chinese rows",
            )
        self._num_others = self._most_others()
        self.rows_per_epoch = len(self._zh) + self._num_others
        self.rows_left_out = len(self._others) - self._num_others
        if self.rows_left_out:
            log.warning(
                "Chinese rows are short of %g: %d of %d other rows are left out of each epoch, drawn anew in each",
                min_zh_ratio,
                self.rows_left_out,
                len(self._others),
            )

    def batches(self, epoch: int) -> list[list[int]]:
        """Return the global batches of an epoch, numbers of rows."""
        rng = np.random.default_rng([self.seed, epoch])
        key = self._bucket + rng.random(len(self._bucket))  # a bucket's rows together, at random within it
        others = rng.permutation(self._others)[: self._num_others]
        zh, others = (rows[np.argsort(key[rows])] for rows in (self._zh, others))
        made = []
        room_left = self._room_in(self.rows_per_epoch)
        for start in range(0, self.rows_per_epoch, self.batch_size):
            size = min(self.batch_size, self.rows_per_epoch - start)
            room_left -= self._room(size)
            next_keys = np.sort(np.concatenate([key[zh[:size]], key[others[:size]]]))
            wanted = int((key[others[:size]] <= next_keys[min(size, len(next_keys)) - 1]).sum())
            least = max(0, len(others) - room_left, size - len(zh))
            taken = min(max(wanted, least), self._room(size), len(others))
            made.append(np.concatenate([zh[: size - taken], others[:taken]]))
            zh, others = zh[size - taken :], others[taken:]
        return self._take_turns(made, rng)

    def _take_turns(self, batches: list[np.ndarray], rng: np.random.Generator) -> list[list[int]]:
        short = [batch.tolist() for batch in batches if len(batch) < self.batch_size]
        full = [batch for batch in batches if len(batch) == self.batch_size]
        by_bucket: dict[int, list[list[int]]] = {}
        for batch in full:
            by_bucket.setdefault(int(np.median(self._bucket[batch])), []).append(batch.tolist())
        places = []
        for members in by_bucket.values():
            start = rng.random()
            places += [
                ((start + turn) / len(members), members[at]) for turn, at in enumerate(rng.permutation(len(members)))
            ]
        return [batch for _, batch in sorted(places, key=lambda place: place[0])] + short

    def _most_others(self) -> int:
        """Return how many other rows the batches have room for."""
        if not self._ratio:
            return len(self._others)
        num_zh = len(self._zh)
        allowed = min(len(self._others), int(num_zh * (1 - self._ratio) / self._ratio))
        while allowed > self._room_in(num_zh + allowed):
            allowed -= 1
        return allowed

    def _room_in(self, rows: int) -> int:
        """Return how many of these rows may be of other languages when they are cut into batches."""
        whole, rest = divmod(rows, self.batch_size)
        return whole * self._room(self.batch_size) + self._room(rest)

    def _room(self, size: int) -> int:
        """Return how many rows of other languages a batch of this size may hold."""
        return size - math.ceil(size * self._ratio)
