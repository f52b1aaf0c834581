"""What a run learns from, step by step: the micro batches of one process for each optimizer step."""

from collections.abc import Callable, Sequence
from typing import Any

from torch.utils.data import DataLoader

from workflow_scripts.lib.training.cutting import Cutting, MicroBatch
from workflow_scripts.lib.training.orders import Order, num_tokens

FILLER = "is_filler"  # key of a collated micro batch that counts for nothing
ROW_IDS = "row_ids"  # key of the ids of its rows
Batch = dict[str, Any]


class MicroBatches:
    """Collated micro batches of rows, made when they are asked for."""

    def __init__(self, rows: Sequence[dict], cutting: Cutting, collate: Callable[[list], Batch]) -> None:
        self.rows, self.cutting, self.collate = rows, cutting, collate
        self.lengths = [num_tokens(row) for row in rows]

    def cut(self, rows: Sequence[int]) -> list[MicroBatch]:
        return self.cutting.cut(rows, self.lengths)

    def collated(self, micro_batch: MicroBatch) -> Batch:
        bins = [[self.rows[row] for row in rows] for rows in micro_batch.bins]
        batch = self.collate(bins if self.cutting.bin_tokens else [rows[0] for rows in bins])
        batch[ROW_IDS] = [row["id"] for rows in bins for row in rows]
        return batch | {FILLER: True} if micro_batch.is_filler else batch


class Steps:
    """All optimizer steps of a run, over as many epochs as they take: item n is the list of step n's micro batches.

    A resumed run goes on at any step without having looked at earlier ones.
    """

    def __init__(self, micro_batches: MicroBatches, order: Order, num_steps: int) -> None:
        self.micro_batches, self.order, self.num_steps = micro_batches, order, num_steps
        self._epoch, self._batches = 0, order.batches(0)

    def __len__(self) -> int:
        return self.num_steps

    def __getitem__(self, step: int) -> list[Batch]:
        epoch, number = divmod(step, len(self._batches))
        if epoch != self._epoch:
            self._epoch, self._batches = epoch, self.order.batches(epoch)
        made = self.micro_batches
        return [made.collated(micro_batch) for micro_batch in made.cut(self._batches[number])]


class Validation:
    """The micro batches of all validation rows."""

    def __init__(self, micro_batches: MicroBatches) -> None:
        self.micro_batches = micro_batches
        self._cut = micro_batches.cut(range(len(micro_batches.rows)))

    def __len__(self) -> int:
        return len(self._cut)

    def __getitem__(self, number: int) -> Batch:
        return self.micro_batches.collated(self._cut[number])


def loader(items: Steps | Validation) -> DataLoader:
    """Return the items one by one; the order is theirs, and each process has its own already."""
    return DataLoader(items, batch_size=1, shuffle=False, collate_fn=_the_only)


def _the_only(items: list) -> Any:
    return items[0]
