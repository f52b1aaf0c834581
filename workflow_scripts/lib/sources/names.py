"""Names of files as an archive or a server gives them: not to be trusted."""

from pathlib import PurePosixPath

from workflow_scripts.lib.errors import UserError

_OURS = (".part", ".lock", ".fetched.json", "receipt.json")  # what lies beside fetched files in their folder


def is_unsafe(name: str) -> bool:
    """Tell whether the name would lead out of the folder that it is relative to."""
    parts = PurePosixPath(name).parts
    return not parts or name.startswith("/") or "\\" in name or ".." in parts or ":" in parts[0] or "\0" in name


def is_hidden(name: str) -> bool:
    """Tell whether the file or a folder above it is one that people do not see, such as ``.gitattributes``."""
    return any(part.startswith(".") and part != ".." for part in PurePosixPath(name).parts)


def check_name(name: str, uri: str) -> None:
    """Refuse to put a file under this name into a folder of the cache.

    Raises:
        UserError: If it would land elsewhere, or on a file of our own.
    """
    if is_unsafe(name) or name.split("/")[0] in _OURS:
        raise UserError(f"refused to fetch {name!r}: not a name inside its folder", uri, "do not use this source")
