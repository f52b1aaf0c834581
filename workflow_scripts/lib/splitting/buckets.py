"""Which split a group belongs to. Two groups of one bucket share a split, whatever the ratios and the seed."""

import hashlib
from functools import lru_cache

from workflow_scripts.lib.config.data import Split

BUCKETS = 1000  # ratios come in steps of a thousandth
SPLITS = ("train", "val", "test")


def bucket_of(group: str) -> int:
    """Return the group's bucket, 0-999."""
    return int.from_bytes(hashlib.sha256(group.encode("utf-8")).digest()[:8], "big") % BUCKETS


def split_of(bucket: int, split: Split) -> str:
    """Return ``train``, ``val`` or ``test``: exactly their shares of the buckets, permuted by ``split.seed``."""
    return _splits(split.seed, round(split.test * BUCKETS), round(split.val * BUCKETS))[bucket]


@lru_cache
def _splits(seed: int, num_test: int, num_val: int) -> list[str]:
    def position(bucket: int) -> bytes:
        return hashlib.sha256(f"{seed}\x1f{bucket}".encode()).digest()

    splits = ["train"] * BUCKETS
    # test is cut first and train last, so that changing train against val leaves the test rows as they are
    for rank, bucket in enumerate(sorted(range(BUCKETS), key=position)):
        if rank < num_test:
            splits[bucket] = "test"
        elif rank < num_test + num_val:
            splits[bucket] = "val"
    return splits
