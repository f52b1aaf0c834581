"""Rows, ledger and sums of a source: written from its records, or put together from those of its shards."""

import logging
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

from workflow_scripts.lib.accounting import Counting, Sums, Written, added, from_json
from workflow_scripts.lib.adapters.base import Row
from workflow_scripts.lib.adapters.losses import Losses
from workflow_scripts.lib.adapters.standardizing import Standardization, standardize
from workflow_scripts.lib.cleaning.edits import Edits, edited
from workflow_scripts.lib.jsonl import atomic_writer, dumps, read_json, read_rows, write_json
from workflow_scripts.lib.readers.pieces import Piece
from workflow_scripts.lib.records import Drop

log = logging.getLogger(__name__)


class EditedStandardization(Standardization):
    edits: Edits


@dataclass(frozen=True)
class StandardFiles:
    """The files of a source, or of one of its shards."""

    rows: Path
    drops: Path
    sums: Path

    @contextmanager
    def opened(self) -> Iterator[tuple[TextIO, TextIO]]:
        with atomic_writer(self.rows) as rows, atomic_writer(self.drops) as drops:
            yield rows, drops


def write(files: StandardFiles, source: str, pieces: list[Piece], config: EditedStandardization, is_all: bool) -> None:
    """Write what becomes of the records of raw files.

    Args:
        files: To write.
        source: Name of the source.
        pieces: The raw files, or pieces of them.
        config: Adapter, options, edits.
        is_all: Whether these are all its records, so that their losses are judged.
    """
    results: Counting[Row | Drop] = Counting(standardize(source, pieces, config))
    written, losses, num_edited = Written(), Losses(source), 0
    with files.opened() as (rows, drops):
        for result in results:
            losses.add(result)
            if isinstance(result, Drop):
                line = result.line("standardize")
                drops.write(dumps(line) + "\n")
                written.ledger_line(line)
            else:
                row = edited(result, config.edits)
                num_edited += row is not result
                rows.write(dumps(row) + "\n")
                written.row(result["id"])
        sums = written.sums("standardize", "records", results.num_read)
        sums.check(source)
        if is_all:
            losses.check()
    _finish(files, source, sums, f", {num_edited} of them edited")


def gather(files: StandardFiles, source: str, shards: list[StandardFiles]) -> None:
    """Write the same files from those of the source's shards."""
    sums = added([from_json(read_json(shard.sums)) for shard in shards])
    losses = Losses(source)
    losses.num_rows = sums.num_out
    with files.opened() as (rows, drops):
        for shard in shards:
            _append(rows, shard.rows)
            _append(drops, shard.drops)
            for line in read_rows(shard.drops):
                losses.add(Drop(line["id"], line["reason"], line["detail"]))
        sums.check(source)
        losses.check()
    _finish(files, source, sums, f", from {len(shards)} shards")


def _append(stream: TextIO, path: Path) -> None:
    with path.open("rb") as part:
        shutil.copyfileobj(part, stream.buffer, 1 << 20)


def _finish(files: StandardFiles, source: str, sums: Sums, more: str) -> None:
    write_json(files.sums, sums.as_json())
    log.info("%s: %d rows%s, %d dropped", source, sums.num_out, more, sum(sums.dropped.values()))
