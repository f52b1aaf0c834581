"""Folders that libraries fill with files of their own naming: each file takes its place whole or not at all."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def staged(folder: Path) -> Iterator[Path]:
    """Give an empty folder to write to, whose files move into ``folder`` when the block ends without an error."""
    part = folder / ".part"
    shutil.rmtree(part, ignore_errors=True)  # a killed job's
    part.mkdir(parents=True)
    try:
        yield part
        for path in sorted(part.iterdir()):
            path.replace(folder / path.name)
    finally:
        shutil.rmtree(part, ignore_errors=True)
