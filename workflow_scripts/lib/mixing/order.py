"""The common order of the rows of several sources."""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

_AT_A_TIME = 1 << 16  # numbers as Python objects, which take several times the memory of an array's


class Order(NamedTuple):
    """Of each row the number of its part, and its position in that part's rows."""

    parts: np.ndarray
    positions: np.ndarray

    def pairs(self) -> Iterator[tuple[int, int]]:
        for start in range(0, len(self.parts), _AT_A_TIME):
            chunk = slice(start, start + _AT_A_TIME)
            yield from zip(self.parts[chunk].tolist(), self.positions[chunk].tolist(), strict=True)
