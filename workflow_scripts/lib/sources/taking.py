"""Taking what the engine has fetched from an object store into the cache."""

import logging
import os
import re
import shutil
from pathlib import Path

from workflow_scripts.lib.errors import UserError
from workflow_scripts.lib.sources import receipts, s3
from workflow_scripts.lib.sources.cache_folder import locked, put_in_place
from workflow_scripts.lib.sources.receipts import Receipt
from workflow_scripts.lib.sources.remote import digest_of
from workflow_scripts.lib.sources.s3 import Stored
from workflow_scripts.lib.sources.uris import Uri

log = logging.getLogger(__name__)

_OURS = (".lock", "receipt.json")
_MD5 = re.compile(r"[0-9a-f]{32}")


def take(uri: Uri, version: str, first: Path, folder: Path) -> Receipt:
    """Put the local copies of a URI's objects into its folder of the cache, checked, and return their receipt.

    Args:
        uri: What was fetched.
        version: That of the objects when the run was planned.
        first: Local copy of the first object; those of the others stand beside it as their keys say.
        folder: In the cache. What an earlier version has left there goes.

    Raises:
        UserError: If the objects are others by now, or a copy is not what the store lists.
    """
    objects = s3.listing(uri)
    if s3.version(objects) != version:
        raise UserError(f"the objects of {uri.text} changed while they were fetched", uri.text, "run again")
    root = Path(str(first).removesuffix(objects[0].key))
    folder.mkdir(parents=True, exist_ok=True)
    with locked(folder):
        part = folder / ".part"
        shutil.rmtree(part, ignore_errors=True)
        for stored in objects:
            copy = root / stored.key
            _check(uri, stored, copy)
            target = part / stored.name
            target.parent.mkdir(parents=True, exist_ok=True)
            _link(copy, target)
        files = put_in_place(part, folder)
        part.rmdir()
        _remove_others(files, folder)
        receipt = receipts.make(uri.text, None, folder, files, version)
    etags = {stored.name: stored.etag for stored in objects}
    receipt["files"] = [entry | {"etag": etags[entry["path"]]} for entry in receipt["files"]]
    log.info("%s: %d files, %.1f MB", uri.text, len(files), sum(stored.size for stored in objects) / 1e6)
    return receipt


def _check(uri: Uri, stored: Stored, copy: Path) -> None:
    """Compare a copy with what the store lists: its size, and its MD5 where the ETag is that."""
    size = copy.stat().st_size
    same = size == stored.size
    if same and _MD5.fullmatch(stored.etag) and digest_of(copy, "md5") != stored.etag:
        same = s3.is_encrypted_by_key(uri.package, stored.key)  # then the ETag is no MD5
    if not same:
        copy.unlink()
        raise UserError(
            f"{stored.key} came with {size:,} bytes that are not those of the store ({stored.size:,} bytes, ETag "
            f"{stored.etag})",
            uri.text,
            "run again to fetch it anew; if it stays so, do not trust this store",
        )


def _link(copy: Path, target: Path) -> None:
    try:
        os.link(copy, target)
    except OSError:  # another disk
        shutil.copyfile(copy, target)


def _remove_others(files: list[Path], folder: Path) -> None:
    """Remove what is no longer there in the store: a model is all that lies in its folder."""
    for path in sorted(folder.rglob("*"), reverse=True):
        if path.is_dir():
            if not any(path.iterdir()):
                path.rmdir()
        elif path not in files and path.name not in _OURS:
            path.unlink()
