"""Split files by content: bytes that were there before are not written again, so nothing after them is stale."""

import hashlib
import os
import shutil
import stat
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from workflow_scripts.lib.config.data import Split
from workflow_scripts.lib.errors import UserError
from workflow_scripts.lib.jsonl import read_json
from workflow_scripts.lib.provenance import records
from workflow_scripts.lib.splitting.buckets import SPLITS, bucket_of, split_of

_READ_ONLY = stat.S_IRUSR | stat.S_IRGRP | stat.S_IROTH


def split_rows(lines: Iterable[tuple[str, str]], split: Split, store: Path) -> dict[str, dict[str, Any]]:
    """Write every line to the split of its group, into the store.

    Args:
        lines: Pairs of group and line, the line with its end.
        split: Shares and seed.
        store: Folder of files named by the first 32 hex digits of their SHA-256.

    Returns:
        ``{"train": {"file": "<digest>.jsonl", "rows": n}, ...}``

    Raises:
        UserError: If train or val gets no row.
    """
    store.mkdir(parents=True, exist_ok=True)
    parts = {name: store / f".{os.getpid()}.{name}.part" for name in SPLITS}
    streams = {name: path.open("wb") for name, path in parts.items()}
    hashes = {name: hashlib.sha256() for name in SPLITS}
    counts = dict.fromkeys(SPLITS, 0)
    try:
        for group, line in lines:
            name = split_of(bucket_of(group), split)
            data = line.encode("utf-8")
            streams[name].write(data)
            hashes[name].update(data)
            counts[name] += 1
        for stream in streams.values():
            stream.close()
        for name in ("train", "val"):
            if counts[name] == 0:
                raise UserError(
                    f"no row for {name}: all {sum(counts.values())} rows fall into other splits",
                    f"split.{name}",
                    "give it a larger share, or bring more rows",
                )
        return {
            name: {"file": _keep(parts[name], hashes[name].hexdigest(), store), "rows": counts[name]} for name in SPLITS
        }
    finally:
        for name in SPLITS:
            streams[name].close()
            parts[name].unlink(missing_ok=True)


def mend(data: Path, store: Path) -> None:
    """Put files back that the store has lost, from their public copies; where those are gone too, forget the split.

    Args:
        data: Folder of ``<use>/split.json`` and the public files beside it.
        store: Folder of files named by their content.
    """
    for manifest in data.glob("*/split.json"):
        for name, kept in read_json(manifest).items():
            stored, public = store / kept["file"], manifest.with_name(f"{name}.jsonl")
            if stored.is_file():
                continue
            if not public.is_file() or records.file_digest(public)[:32] != stored.stem:
                manifest.unlink()  # the split is made again
                break
            store.mkdir(parents=True, exist_ok=True)
            publish(public, stored)
            # As old as the split: of a file too large for its checksums the engine would say that it is new.
            os.utime(stored, ns=(public.stat().st_atime_ns, public.stat().st_mtime_ns))
            stored.chmod(_READ_ONLY)


def files_in_use(data: Path) -> set[str]:
    """Return the names of the store's files that the splits of these results are."""
    return {kept["file"] for manifest in data.glob("*/split.json") for kept in read_json(manifest).values()}


def publish(stored: Path, target: Path) -> None:
    """Give a file of the store its public name, as a copy.

    No hard link: Snakemake 9.27 touches every output after its job, through the link that would renew the time of the
    file in the store, and what reads a file too large for its checksums would run again.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    part = target.with_name(target.name + ".part")
    part.unlink(missing_ok=True)  # left by a killed job; it may be a link or read-only
    shutil.copyfile(stored, part)
    part.replace(target)


def _keep(part: Path, digest: str, store: Path) -> str:
    stored = store / f"{digest[:32]}.jsonl"
    if not _is_whole(stored, digest):
        part.chmod(_READ_ONLY)
        part.replace(stored)
    return stored.name


def _is_whole(stored: Path, digest: str) -> bool:
    if not stored.is_file():
        return False
    with stored.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest() == digest
