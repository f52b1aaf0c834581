"""A URI's folder of the cache: one process at a time works in it, and files take their places whole."""

import fcntl
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Let one process at a time work in the folder: runs in several directories share the cache."""
    with (folder / ".lock").open("w") as stream:
        fcntl.flock(stream, fcntl.LOCK_EX)
        yield


def put_in_place(tree: Path, folder: Path) -> list[Path]:
    """Move all that is in the tree into the folder, and return the files."""
    files = []
    for entry in sorted(tree.iterdir()):
        target = folder / entry.name
        if target.is_dir():
            shutil.rmtree(target)
        entry.replace(target)
        files += sorted(target.rglob("*")) if target.is_dir() else [target]
    return [file for file in files if file.is_file()]
