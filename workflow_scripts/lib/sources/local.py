"""Files that are there already: a person's own ones, and those that a file:// URI names."""

from pathlib import Path

from workflow_scripts.lib.errors import UserError


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
    return sorted(
        file
        for file in folder.rglob("*")
        if file.is_file() and not any(part.startswith(".") for part in file.relative_to(folder).parts)
    )
