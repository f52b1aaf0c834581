"""Bringing a URI's files into its folder of the cache, once."""

import logging
import shutil
from pathlib import Path

from workflow_scripts.lib.jsonl import read_json, write_json
from workflow_scripts.lib.sources import collecting, receipts, registry, unpacking
from workflow_scripts.lib.sources.cache_folder import locked, put_in_place
from workflow_scripts.lib.sources.local import uri_files
from workflow_scripts.lib.sources.receipts import Receipt
from workflow_scripts.lib.sources.uris import Uri, parse

log = logging.getLogger(__name__)

# Snakemake deletes a declared receipt before it runs the job again; this copy saves the download then.
_MEMORY = ".fetched.json"


def fetch(uri: str, revision: str | None, folder: Path, repository: Path) -> Receipt:
    """Make sure that the URI's files lie verified in the folder, and return their receipt.

    Files that are there and intact are not fetched again, and what was once resolved to a commit stays at it. All else
    is done in ``.part/``, where it waits if it does not come to an end. Files of ``file://`` stay where they are: the
    receipt names them relative to its folder and knows their hashes.

    Raises:
        UserError: If the URI is wrong, the place cannot be reached or does not have it, or a hash differs.
    """
    parsed = parse(uri)
    folder.mkdir(parents=True, exist_ok=True)
    with locked(folder):
        if parsed.scheme == "file":
            return receipts.make(uri, revision, folder, uri_files(repository, parsed.path))
        known = None
        memory = folder / _MEMORY
        if memory.is_file():
            receipt = read_json(memory)
            if (receipt["uri"], receipt["revision"]) == (uri, revision):
                if receipts.is_intact(receipt, folder):
                    log.info("%s is there: %d files, verified", uri, len(receipt["files"]))
                    return receipt
                known = receipt.get("commit")
        return _fetched(parsed, revision, known, folder)


def _fetched(uri: Uri, revision: str | None, known: str | None, folder: Path) -> Receipt:
    scheme = registry.load(uri.scheme)
    part = folder / ".part"
    log.info("fetching %s", uri.text)
    commit = None
    if hasattr(scheme, "listing"):
        commit = collecting.collect(scheme, uri, known or uri.version or revision, part)
    else:
        unpacking.unpack(scheme, uri, part)
    files = put_in_place(part / "tree", folder)
    receipt = receipts.make(uri.text, revision, folder, files, commit)
    write_json(folder / _MEMORY, receipt)
    shutil.rmtree(part)
    size = sum(entry["bytes"] for entry in receipt["files"])
    log.info("%s: %d files, %.1f MB", uri.text, len(receipt["files"]), size / 1e6)
    return receipt
