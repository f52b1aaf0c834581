"""Sizes of files as people write and read them: decimal, as disks are sold."""

import re

_UNITS = {"B": 1, "KB": 10**3, "MB": 10**6, "GB": 10**9, "TB": 10**12}


def parse_size(text: str) -> int:
    """Return the bytes that ``5GB``, ``500 MB`` or ``0`` mean.

    Raises:
        ValueError: If it is no size.
    """
    match = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*([KMGT]?B)?\s*", text, re.IGNORECASE)
    if not match:
        raise ValueError(f"{text!r} is no size; write it like 20GB or 500MB")
    return int(float(match[1]) * _UNITS[(match[2] or "B").upper()])


def size(num_bytes: int) -> str:
    """Return a number of bytes with the largest unit that leaves a whole digit."""
    unit = next((unit for unit in reversed(_UNITS) if num_bytes >= _UNITS[unit]), "B")
    return f"{num_bytes} B" if unit == "B" else f"{num_bytes / _UNITS[unit]:.1f} {unit}"
