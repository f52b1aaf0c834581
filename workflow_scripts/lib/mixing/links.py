"""What was found of each row among the others: read in step with the rows themselves."""

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pyarrow.compute as pc
import pyarrow.parquet as pq

from workflow_scripts.lib.tables import read_batches


class Link(NamedTuple):
    """Of one standard row."""

    id: str | None
    cluster: int = -1  # -1: no near-duplicates
    group: int | None = None  # in place of the row's own


def read_links(path: Path) -> Iterator[Link]:
    for batch in read_batches(path):
        columns = (batch.column(name).to_pylist() for name in ("id", "cluster", "group"))
        for row_id, cluster, group in zip(*columns, strict=True):
            yield Link(row_id, -1 if cluster is None else cluster, None if group is None else int(group, 16))


def read_overlaps(path: Path | None, most: float | None) -> dict[str, str]:
    """Return the rows that hold more than ``most`` of an evaluation text: id -> how much of which."""
    if path is None or most is None:
        return {}
    found = pq.read_table(path, filters=pc.field("overlap") > most).to_pylist()
    return {row["id"]: f"holds {row['overlap']:.2f} of {row['text']}" for row in found}
