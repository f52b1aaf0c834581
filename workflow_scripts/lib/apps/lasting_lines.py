"""Append what a person gave, so that nothing that happens afterwards can lose it."""

import fcntl
import os
from pathlib import Path

from workflow_scripts.lib import jsonl
from workflow_scripts.lib.config.fields import Section


def append(path: Path, given: Section) -> None:
    """Add a line and return when it is on the disk.

    Several pages may write to one file; a line that a killed one left unfinished is closed first.

    Raises:
        OSError: If the disk refuses; then nothing was added, or a part of a line that readers leave out.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    line = (jsonl.dumps(given.model_dump()) + "\n").encode()
    descriptor = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o644)
    with os.fdopen(descriptor, "r+b", buffering=0) as stream:
        fcntl.flock(stream, fcntl.LOCK_EX)
        size = stream.seek(0, os.SEEK_END)
        if size:
            stream.seek(-1, os.SEEK_END)
            line = line if stream.read(1) == b"\n" else b"\n" + line
        while line:
            line = line[stream.write(line) :]
        os.fsync(descriptor)
    if not size:
        _sync_name(path.parent)


def _sync_name(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
