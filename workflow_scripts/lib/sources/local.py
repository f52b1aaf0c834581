"""Files that are there already: a person's own ones, and those that a file:// URI names."""

import os
import re
from pathlib import Path

from workflow_scripts.lib.errors import UserError

_WILDCARD = re.compile(r"\{\s*\w.*\}")  # Snakemake takes it for one even in the name of a file that is there


def local_files(repository: Path, name: str) -> list[Path]:
    """Return the files of ``data_raw/<name>/``, sorted, hidden ones left out; none if there is no such folder."""
    return _files_below(repository / "data_raw" / name)


def uri_files(repository: Path, path: str) -> list[Path]:
    """Return the files that the path of a file:// URI names: a file, a folder or a glob, relative to the repository.

    Raises:
        UserError: If there is none.
    """
    named = repository / path  # an absolute path stays what it is
    if named.is_file():
        return [named]
    if named.is_dir():
        files = _files_below(named)
    else:
        anchor = Path(named.anchor)
        files = sorted(file for file in anchor.glob(str(named.relative_to(anchor))) if file.is_file())
    if not files:
        raise UserError(f"no such file: {path}", f"file://{path}", "correct the path (relative to the repository)")
    return files


def _files_below(folder: Path) -> list[Path]:
    """Return the files below a folder, also those in folders that are links, each folder once.

    Raises:
        UserError: If a link leads nowhere (what it stood for would be missing without a word), or a name has braces.
    """
    files, seen = [], set()
    for inside, folders, names in os.walk(folder, followlinks=True):
        is_new = os.path.realpath(inside) not in seen
        seen.add(os.path.realpath(inside))
        folders[:] = sorted(
            (name for name in folders if is_new and not name.startswith(".")),
            key=lambda name, inside=inside: (Path(inside, name).is_symlink(), name),  # a folder itself before links
        )
        files += [Path(inside, name) for name in names if is_new and not name.startswith(".")]
    for file in files:
        if not file.exists():
            raise UserError(f"a link to {file.readlink()}, which is not there", str(file), "mend or remove the link")
        if _WILDCARD.search(str(file.relative_to(folder))):
            raise UserError("a name with braces, which the workflow cannot read", str(file), "rename it")
    return sorted(file for file in files if file.is_file())
