"""Receipts: which files a fetch brought, with their sizes and hashes. They stand beside the files."""

import hashlib
import os
from pathlib import Path
from typing import Any

from workflow_scripts.lib.errors import UserError
from workflow_scripts.lib.jsonl import read_json

Receipt = dict[str, Any]


def sha256_of(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def make(uri: str, revision: str | None, folder: Path, files: list[Path], commit: str | None = None) -> Receipt:
    """Return ``{"uri", "revision", "commit", "files": [{"path", "bytes", "sha256"}]}``.

    Args:
        uri: The URI as it was written.
        revision: The revision that the config gives beside it.
        folder: What the files' paths are relative to.
        files: What was fetched.
        commit: What URI and revision were resolved to, where there is such a thing.
    """
    entries = [
        {
            "path": Path(os.path.relpath(file, folder)).as_posix(),
            "bytes": file.stat().st_size,
            "sha256": sha256_of(file),
        }
        for file in files
    ]
    return {
        "uri": uri,
        "revision": revision,
        "commit": commit,
        "files": sorted(entries, key=lambda entry: entry["path"]),
    }


def is_receipt(files: list[Path]) -> bool:
    """Tell whether these raw files are in truth one receipt, as ``make`` writes it, that names them."""
    if [file.name for file in files] != ["receipt.json"]:
        return False
    value = read_json(files[0])
    return isinstance(value, dict) and set(value) | {"commit"} == {"uri", "revision", "commit", "files"}  # old: without


def is_intact(receipt: Receipt, folder: Path) -> bool:
    """Tell whether every file is there with the bytes that the receipt knows."""
    return not _first_changed(receipt, folder)


def verified_files(path: Path) -> list[Path]:
    """Return the files of a receipt.

    Raises:
        UserError: If one is missing or changed.
    """
    receipt = read_json(path)
    changed = _first_changed(receipt, path.parent)
    if changed:
        raise UserError(
            f"{changed} is missing or has changed since it was fetched",
            receipt["uri"],
            f"delete {path.name} in data_cache/{path.parent.name}/ to fetch it again; "
            "your own version belongs in data_raw/<name of the source>/",
        )
    return [path.parent / entry["path"] for entry in receipt["files"]]


def _first_changed(receipt: Receipt, folder: Path) -> str | None:
    for entry in receipt["files"]:
        file = folder / entry["path"]
        if not file.is_file() or file.stat().st_size != entry["bytes"] or sha256_of(file) != entry["sha256"]:
            return entry["path"]
    return None
