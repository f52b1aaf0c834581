"""Packages: the archive is fetched, and the files wanted are taken out of it."""

import logging
import shutil
import tarfile
import zipfile
import zlib
from pathlib import Path
from types import ModuleType

from workflow_scripts.lib.errors import UserError
from workflow_scripts.lib.jsonl import read_json, write_json
from workflow_scripts.lib.sources import receipts
from workflow_scripts.lib.sources.uris import Uri

log = logging.getLogger(__name__)

DAMAGES = (zipfile.BadZipFile, tarfile.TarError, zlib.error, EOFError)


def unpack(scheme: ModuleType, uri: Uri, part: Path) -> None:
    """Fill ``part/tree`` with the files wanted of a package.

    The archive stays in ``part/`` so that a failure after the download does not repeat it.

    Raises:
        UserError: If it cannot be fetched, or the archive is damaged or not to be trusted.
    """
    archive = _kept_archive(part)
    if archive is None:
        shutil.rmtree(part, ignore_errors=True)
        (part / "archive").mkdir(parents=True)
        archive = scheme.download(uri, part / "archive")
        write_json(part / "archive.json", {"name": archive.name, "sha256": receipts.sha256_of(archive)})
    log.info("unpacking %s (%.1f MB)", archive.name, archive.stat().st_size / 1e6)
    tree = part / "tree"
    shutil.rmtree(tree, ignore_errors=True)
    tree.mkdir()
    try:
        scheme.extract(archive, uri, tree)
    except (UserError, *DAMAGES) as error:  # the archive's own fault: the next run must not start from it again
        shutil.rmtree(part)
        if isinstance(error, UserError):
            raise
        raise UserError(f"{archive.name} is damaged ({error})", uri.text, "run again to fetch it anew") from None


def _kept_archive(part: Path) -> Path | None:
    """Return the archive of an earlier try if it is whole."""
    note = part / "archive.json"
    if not note.is_file():
        return None
    known = read_json(note)
    archive = part / "archive" / known["name"]
    is_whole = archive.is_file() and receipts.sha256_of(archive) == known["sha256"]
    return archive if is_whole else None
