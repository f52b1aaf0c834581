"""The folder a training run may resume from, guarded by what it was made from."""

import fcntl
import hashlib
import json
import logging
import shutil
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TextIO

from transformers.trainer import TRAINER_STATE_NAME
from transformers.trainer_utils import get_last_checkpoint

from workflow_scripts.lib import jsonl
from workflow_scripts.lib.processes import first_alone

log = logging.getLogger(__name__)
KEPT_RUNS = 2  # folders of earlier inputs that stay, so that going back to them can resume


def identity(config: str, code: str, files: list[Path], digests: list[str]) -> str:
    """Return a digest of everything a run's weights follow from.

    Args:
        config: The config sections of the rule, canonical JSON.
        code: The rule's code digest.
        files: Input files, hashed whole.
        digests: Digests of further inputs, e.g. of the base model.
    """
    parts = [config, code, *digests, *(hashlib.sha256(path.read_bytes()).hexdigest() for path in files)]
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:16]


@contextmanager
def reserved(folder: Path, run: str) -> Iterator[Path]:
    """Reserve the checkpoint folder of this run, and clear away those of older ones.

    Waits for another job that trains there. The first process of a job holds the lock for all of them.
    """
    own = folder / run
    with ExitStack() as held:
        with first_alone() as is_first:
            if is_first:
                folder.mkdir(parents=True, exist_ok=True)
                _lock(held.enter_context((folder / "lock").open("w")), folder)
                own.mkdir(exist_ok=True)
                _clear_away(folder, own)
        yield own


def _lock(lock: TextIO, folder: Path) -> None:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        # What a killed run left behind goes on by itself; its checkpoints are of use when it ends.
        log.info("waiting for another process that trains in %s", folder)
        fcntl.flock(lock, fcntl.LOCK_EX)


def _clear_away(folder: Path, own: Path) -> None:
    others = sorted(
        (path for path in folder.iterdir() if path.is_dir() and path != own),
        key=lambda path: path.stat().st_mtime,
    )
    for old in others[: len(others) - KEPT_RUNS + 1 if len(others) >= KEPT_RUNS else 0]:
        shutil.rmtree(old)


def last(folder: Path) -> str | None:
    """Return the last complete checkpoint, or None."""
    with first_alone() as is_first:
        for path in sorted(folder.glob("checkpoint-*")) if is_first else []:
            if not _is_complete(path):  # killed while writing it, or the disk was full
                log.info("removing the incomplete %s", path.name)
                shutil.rmtree(path)
        return get_last_checkpoint(str(folder))


def _is_complete(checkpoint: Path) -> bool:
    """Return whether the file that is written last is there and whole."""
    try:
        jsonl.read_json(checkpoint / TRAINER_STATE_NAME)
    except (FileNotFoundError, ValueError):
        return False
    return True
