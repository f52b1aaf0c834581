"""Repositories and web addresses: each file is fetched by itself, and checked by the hash that the listing gives."""

import logging
import os
import shutil
from pathlib import Path
from types import ModuleType

from workflow_scripts.lib.jsonl import read_json, write_json
from workflow_scripts.lib.sources.downloads import Downloads
from workflow_scripts.lib.sources.remote import Remote
from workflow_scripts.lib.sources.retries import TransientError
from workflow_scripts.lib.sources.uris import Uri

log = logging.getLogger(__name__)


def collect(scheme: ModuleType, uri: Uri, revision: str | None, part: Path) -> str | None:
    """Fill ``part/tree`` with the files that a URI means, and return the commit that it was resolved to.

    Whole files and halves of an earlier try are made use of, and its commit is kept to.

    Raises:
        UserError: If it does not exist, may not be read, cannot be reached, or has other bytes than it should.
    """
    note = part / "commit.json"
    if note.is_file():
        revision = read_json(note)["commit"]
    (part / "card").mkdir(parents=True, exist_ok=True)
    try:
        listing = scheme.listing(uri, revision, part / "card")
        if listing.commit is not None and not note.is_file():
            write_json(note, {"commit": listing.commit})
            if listing.commit != revision:
                log.info("resolved to commit %s; `revision: %s` pins it", listing.commit, listing.commit)
        downloads = Downloads(uri.text, listing.auth, lambda status, code: scheme.refused(uri, status, code))
        for number, remote in enumerate(listing.files, 1):
            target = part / "tree" / remote.path
            if not remote.is_at(target) and not _copied(remote, target):
                log.info("%s (%d of %d)", remote.path, number, len(listing.files))
                downloads.fetch(remote, target)
    except TransientError as error:
        raise scheme.unanswered(uri, error) from None
    _remove_others(listing.files, part / "tree")
    return listing.commit


def _copied(remote: Remote, target: Path) -> bool:
    """Take the bytes from a copy on this machine, if there is one and it is right."""
    if remote.local is None or not remote.is_at(remote.local):
        return False
    target.parent.mkdir(parents=True, exist_ok=True)
    target.unlink(missing_ok=True)
    try:
        os.link(remote.local.resolve(), target)
    except OSError:  # another disk
        shutil.copyfile(remote.local, target)
    return True


def _remove_others(files: list[Remote], tree: Path) -> None:
    """Remove what an earlier try has left that is no longer wanted."""
    wanted = {tree / remote.path for remote in files}
    for path in sorted(tree.rglob("*")):
        if path.is_file() and path not in wanted:
            path.unlink()
