"""Files that lie elsewhere, each with the hash that its bytes must have."""

import hashlib
from dataclasses import dataclass, field
from pathlib import Path

from requests.auth import AuthBase


@dataclass(frozen=True)
class Remote:
    """A file to fetch.

    Attributes:
        path: Where it belongs, relative to the folder.
        url: Where its bytes are.
        size: Bytes, if known.
        algorithm: ``sha256``, or ``git-sha1`` (the hash of the bytes as git stores them).
        digest: The hash, hex digits.
        local: A copy on this machine, to be checked before it is taken.
    """

    path: str
    url: str
    size: int | None
    algorithm: str
    digest: str
    local: Path | None = None

    def is_at(self, path: Path) -> bool:
        """Tell whether the file there has the right bytes."""
        if not path.is_file() or (self.size is not None and path.stat().st_size != self.size):
            return False
        return digest_of(path, self.algorithm) == self.digest


@dataclass(frozen=True)
class Listing:
    """What a URI means just now.

    Attributes:
        commit: The revision that it was resolved to; none where the hash of the file is all there is.
        files: At least one.
        auth: Adds the user's token to requests; it does not follow a redirect to another host.
    """

    commit: str | None
    files: list[Remote]
    auth: AuthBase | None = field(default=None, repr=False)


class Bearer(AuthBase):
    """A token in the header. Requests would take credentials of ~/.netrc instead of a header given by hand."""

    def __init__(self, token: str | None) -> None:
        self._token = token

    def __call__(self, request):
        if self._token:
            request.headers["Authorization"] = f"Bearer {self._token}"
        return request


def digest_of(path: Path, algorithm: str) -> str:
    with path.open("rb") as stream:
        if algorithm == "git-sha1":
            start = hashlib.sha1(f"blob {path.stat().st_size}\0".encode(), usedforsecurity=False)
            return hashlib.file_digest(stream, lambda: start).hexdigest()
        return hashlib.file_digest(stream, algorithm).hexdigest()
