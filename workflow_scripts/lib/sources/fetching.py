"""Bringing a URI's files into its folder of the cache, once."""

import fcntl
import logging
import shutil
import tarfile
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from workflow_scripts.lib.errors import UserError
from workflow_scripts.lib.jsonl import read_json, write_json
from workflow_scripts.lib.sources import npm, pypi, receipts
from workflow_scripts.lib.sources.local import uri_files
from workflow_scripts.lib.sources.receipts import Receipt
from workflow_scripts.lib.sources.uris import Uri, parse

log = logging.getLogger(__name__)

DAMAGES = (zipfile.BadZipFile, tarfile.TarError, zlib.error, EOFError)
SCHEMES = {"pypi": pypi, "npm": npm}  # each has download(uri, folder) -> archive, extract(archive, uri, folder)

# Snakemake deletes a declared receipt before it runs the job again; this copy saves the download then.
_MEMORY = ".fetched.json"


def fetch(uri: str, revision: str | None, folder: Path, repository: Path) -> Receipt:
    """Make sure that the URI's files lie verified in the folder, and return their receipt.

    Files that are there and intact are not fetched again. Archives are fetched and unpacked in ``.part/``; the archive
    stays there until all its files are in place, so that a failure after the download does not repeat it. Files of
    ``file://`` stay where they are: the receipt names them relative to its folder and knows their hashes.

    Raises:
        UserError: If the URI is wrong, the index cannot be reached or does not have it, or a hash differs.
    """
    parsed = parse(uri)
    folder.mkdir(parents=True, exist_ok=True)
    with _locked(folder):
        if parsed.scheme == "file":
            return receipts.make(uri, revision, folder, uri_files(repository, parsed.path))
        memory = folder / _MEMORY
        if memory.is_file():
            receipt = read_json(memory)
            if (receipt["uri"], receipt["revision"]) == (uri, revision) and receipts.is_intact(receipt, folder):
                log.info("%s is there: %d files, verified", uri, len(receipt["files"]))
                return receipt
        return _fetched(parsed, revision, folder)


def _fetched(uri: Uri, revision: str | None, folder: Path) -> Receipt:
    scheme = SCHEMES[uri.scheme]
    part = folder / ".part"
    archive = _kept_archive(part)
    if archive is None:
        shutil.rmtree(part, ignore_errors=True)
        (part / "archive").mkdir(parents=True)
        log.info("fetching %s", uri.text)
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
    files = []
    for entry in sorted(tree.iterdir()):
        target = folder / entry.name
        if target.is_dir():
            shutil.rmtree(target)
        entry.replace(target)
        files += sorted(target.rglob("*")) if target.is_dir() else [target]
    receipt = receipts.make(uri.text, revision, folder, [file for file in files if file.is_file()])
    write_json(folder / _MEMORY, receipt)
    shutil.rmtree(part)
    size = sum(entry["bytes"] for entry in receipt["files"])
    log.info("%s: %d files, %.1f MB", uri.text, len(receipt["files"]), size / 1e6)
    return receipt


def _kept_archive(part: Path) -> Path | None:
    """Return the archive of an earlier try if it is whole."""
    note = part / "archive.json"
    if not note.is_file():
        return None
    known = read_json(note)
    archive = part / "archive" / known["name"]
    is_whole = archive.is_file() and receipts.sha256_of(archive) == known["sha256"]
    return archive if is_whole else None


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """Let one process at a time work in the folder: runs in several directories share the cache."""
    with (folder / ".lock").open("w") as stream:
        fcntl.flock(stream, fcntl.LOCK_EX)
        yield
