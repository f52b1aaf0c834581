"""A chain of steps as a person reads it."""

import json
import shlex
from collections.abc import Iterator
from pathlib import Path

from workflow_scripts.lib.provenance.chain import Link
from workflow_scripts.lib.provenance.records import file_digest

_RECEIPT = "receipt.json"
_SHOWN = 12  # hex digits of a digest


def explanation(file: Path, links: list[Link], folder: str) -> str:
    """Return where a file comes from, step by step, and how to make it again.

    Args:
        file: The file, in the working directory of its run, which is the current one.
        links: From ``chain``.
        folder: That directory as seen from the repository.
    """
    lines = [str(file), f"  sha256 {file_digest(file)}", ""]
    for link in links:
        lines += [*_step(link), ""]
    pins = sorted({(name, version) for link in links for name, version in link.record.pins.items()})
    lines += ["versions", "  " + ", ".join(f"{name} {version}" for name, version in pins), ""]
    elsewhere = [] if folder == "." else ["--directory", folder]
    config = str(Path(folder, "results", "config.yaml"))
    words = ["snakemake", "--cores", "1", *elsewhere, str(file), "--configfile", config]  # which takes all that follow
    lines += ["make it again", f"  {shlex.join(words)}"]
    return "\n".join(lines) + "\n"


def _step(link: Link) -> Iterator[str]:
    record = link.record
    yield f"{record.step}  ({record.seconds:g} s)"
    yield f"  code    {record.code}, of {len(record.modules)} modules and data files"
    if record.config:
        yield f"  config  {json.dumps(record.config, ensure_ascii=False, sort_keys=True)}"
    for path, digest in sorted(record.inputs.items()):
        yield f"  read    {path}  {digest[:_SHOWN]}{_rows(path, digest)}{_maker(path, digest, link)}"
    for path, digest in sorted(record.outputs.items()):
        yield f"  made    {path}  {digest[:_SHOWN]}{_rows(path, digest)}"
        if Path(path).name == _RECEIPT:
            yield from _fetched(path, digest)
    yield f"  command {shlex.join(_without_config(record.command))}"


def _maker(path: str, digest: str, link: Link) -> str:
    if path in link.made_by:
        return f"  from {link.made_by[path]}"
    return "  made anew since" if Path(path).is_file() and file_digest(Path(path)) != digest else ""


def _rows(path: str, digest: str) -> str:
    """Return the number of rows of a file that is still as it was."""
    place = Path(path)
    if place.suffix != ".jsonl" or not place.is_file() or file_digest(place) != digest:
        return ""
    with place.open("rb") as stream:
        return f"  {sum(1 for _ in stream):,} rows"


def _fetched(path: str, digest: str) -> Iterator[str]:
    place = Path(path)
    if place.is_file() and file_digest(place) == digest:
        receipt = json.loads(place.read_text(encoding="utf-8"))
        files = receipt["files"]
        yield f"  of      {receipt['uri']}: {len(files):,} files"


def _without_config(command: list[str]) -> list[str]:
    words = list(command)
    if "--config" in words:
        words[words.index("--config") + 1] = "…"
    return words
