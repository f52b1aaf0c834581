"""One store for several folders of results: the variants of a sweep take what another one, or ``results/``, has made.

A variant's ``results/store`` is a link to the repository's. Who shares a store is therefore seen in the file system,
and a folder that is deleted shares no more.
"""

import fcntl
import os
from pathlib import Path
from typing import TextIO

from workflow_scripts.lib.errors import UserError
from workflow_scripts.lib.provenance import records
from workflow_scripts.lib.provenance.records import Record
from workflow_scripts.lib.splitting.store import files_in_use

VARIANTS = "runs/*/*/results"  # relative to the repository: runs/<sweep>/<variant>/


def share(results: Path, store: Path) -> None:
    """Make a folder of results use this store.

    Raises:
        UserError: If it has a store of its own.
    """
    link = results / "store"
    store.mkdir(parents=True, exist_ok=True)
    if link.is_symlink():
        link.unlink()
    elif link.exists():
        raise UserError("this folder has a store of its own", str(link), "remove it: what it holds is made again")
    results.mkdir(parents=True, exist_ok=True)
    link.symlink_to(os.path.relpath(store.resolve(), results.resolve()))


def sharers(store: Path) -> list[Path]:
    """Return the folders of results that use a store: the one that it stands in, and those that link to it."""
    own = store.resolve()
    variants = sorted(own.parent.parent.glob(f"{VARIANTS}/store"))
    return [own.parent, *(path.parent for path in variants if path.is_symlink() and path.resolve() == own)]


def current_records(store: Path) -> list[Record]:
    """Return the records of all results that use a store."""
    found = []
    for folder in (results / records.FOLDER.name for results in sharers(store)):
        files = (path for path in sorted(folder.rglob("*.json")) if not path.is_relative_to(folder / "code"))
        found += [record for record in map(records.read, files) if record is not None]
    return found


def splits_in_use(store: Path) -> set[str]:
    """Return the names of the split files of all results that use a store."""
    return set().union(*(files_in_use(results / "data") for results in sharers(store)))


def take_part(store: Path) -> TextIO:
    """Hold a store for a run, so that nobody prunes it, until the returned file is closed."""
    folder = store.resolve()  # of a link whose target was removed, the target
    folder.mkdir(parents=True, exist_ok=True)
    lock = (folder / ".lock").open("w")
    fcntl.flock(lock, fcntl.LOCK_SH)
    return lock


def is_alone(lock: TextIO) -> bool:
    """Return whether no other run holds the store; then none comes before this lock is closed."""
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
