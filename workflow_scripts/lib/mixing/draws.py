"""Seeded draws that depend on what is drawn for and not on the order in which it is drawn."""

import hashlib

_RANGE = 2**64


def draw(seed: int | str, *parts: str) -> int:
    """Return a whole number below 2**64, evenly spread over different parts."""
    key = "\x1f".join((str(seed), *parts))
    return int.from_bytes(hashlib.sha256(key.encode("utf-8")).digest()[:8], "big")


def share(seed: int | str, *parts: str) -> float:
    """Return a number in [0, 1)."""
    return (draw(seed, *parts) >> 11) / (_RANGE >> 11)  # 53 bits, all that a float holds
