"""Cut a global batch into micro batches for several processes. Losses are exact sums, so no cut changes them."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import count


@dataclass(frozen=True)
class MicroBatch:
    """One forward pass of one process.

    Attributes:
        bins: Rows of each sequence; without packing each has one.
        is_filler: Whether it only keeps this process in step with others that have more rows; it counts for nothing.
    """

    bins: list[list[int]]
    is_filler: bool = False


@dataclass(frozen=True)
class Cutting:
    """How global batches are cut.

    Attributes:
        micro_batch_size: Most sequences of a forward pass.
        bin_tokens: Most tokens of a sequence that rows are packed into; None: a row is a sequence.
        process: Number of this process.
        num_processes: Of all devices together.
    """

    micro_batch_size: int
    bin_tokens: int | None
    process: int
    num_processes: int

    def cut(self, rows: Sequence[int], lengths: Sequence[int]) -> list[MicroBatch]:
        """Return the micro batches of this process, as many as those of any other.

        Sequences of similar length go together, the longest first: little padding, a fair share for each process,
        and what does not fit into memory fails early.

        Args:
            rows: Numbers of the rows, at least one.
            lengths: Tokens of all rows.
        """
        bins = self._bins(rows, lengths)
        size = self.micro_batch_size
        passes = [bins[start : start + size] for start in range(0, len(bins), size)]
        own = [MicroBatch(each) for each in passes[self.process :: self.num_processes]]
        if len(own) < -(-len(passes) // self.num_processes):
            own.append(MicroBatch([[bins[-1][0]]], is_filler=True))
        return own

    def _bins(self, rows: Sequence[int], lengths: Sequence[int]) -> list[list[int]]:
        longest_first = sorted(rows, key=lambda row: -lengths[row])
        if self.bin_tokens is None:
            return [[row] for row in longest_first]
        at_once = self.micro_batch_size * self.num_processes
        tries = (_spread(longest_first, lengths, passes * at_once, self.bin_tokens) for passes in count(1))
        return next(bins for bins in tries if bins is not None)


def _spread(rows: Sequence[int], lengths: Sequence[int], number: int, most: int) -> list[list[int]] | None:
    """Put each row, the longest first, into the emptiest bin; None if one overflows.

    Even bins need no more forward passes than full ones, less padding, and less attention, which grows with the square.
    """
    bins: list[list[int]] = [[] for _ in range(number)]
    filled = [0] * number
    for row in rows:
        emptiest = filled.index(min(filled))
        filled[emptiest] += lengths[row]
        if filled[emptiest] > most:
            return None
        bins[emptiest].append(row)
    order = sorted(range(number), key=lambda at: -filled[at])
    return [bins[at] for at in order if bins[at]]
