"""All poems of chinese-poetry, and one in twenty of them a second time: 327,482 short Chinese rows, 76 MB."""

import json
import random
import tarfile
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from workflow_scripts.lib.sources import npm, uris

PACKAGE = "npm://chinese-poetry@2.0.1/dist/quantangshi/poet.*.json"
POEMS, ROWS = 311_855, 327_482


def build(tarball: Path | None, folder: Path) -> Path:
    """Write ``corpus.jsonl``, titles as prompts, poems as completions; without a tarball npm fetches it."""
    path = folder / "corpus.jsonl"
    if tarball is None:
        with tempfile.TemporaryDirectory() as temporary:
            return _write(npm.download(uris.parse(PACKAGE), Path(temporary)), path)
    return _write(tarball, path)


def _write(tarball: Path, path: Path) -> Path:
    rows = [json.dumps(row, ensure_ascii=False) + "\n" for row in _poems(tarball)]
    if len(rows) != POEMS:
        raise RuntimeError(f"{tarball.name} has {len(rows)} poems, not {POEMS}")
    draws = random.Random(1)
    rows += [rows[number] for number in draws.sample(range(POEMS), ROWS - POEMS)]
    draws.shuffle(rows)
    path.write_text("".join(rows), encoding="utf-8")
    return path


def _poems(tarball: Path) -> Iterator[dict[str, Any]]:
    with tarfile.open(tarball) as archive:
        for member in archive:
            parts = member.name.split("/")
            if parts[-2] == "quantangshi" and parts[-1].startswith("poet."):
                for poem in json.load(archive.extractfile(member)):
                    yield {"prompt": poem["title"] or "無題", "completion": "\n".join(poem["paragraphs"])}
