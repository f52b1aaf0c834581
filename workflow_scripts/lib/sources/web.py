"""``https://…#sha256=…``: one file, pinned by its hash."""

import posixpath
import urllib.parse
from pathlib import Path

from workflow_scripts.lib.errors import UserError
from workflow_scripts.lib.sources.names import check_name
from workflow_scripts.lib.sources.remote import Listing, Remote
from workflow_scripts.lib.sources.retries import TransientError
from workflow_scripts.lib.sources.uris import Uri


def listing(uri: Uri, revision: str | None, folder: Path) -> Listing:
    """Return the one file that the address names."""
    address = uri.text.partition("#")[0]
    name = urllib.parse.unquote(posixpath.basename(urllib.parse.urlsplit(address).path)) or "file"
    check_name(name, uri.text)
    return Listing(None, [Remote(name, address, None, "sha256", uri.version)])


def refused(uri: Uri, status: int, code: str) -> UserError | None:
    host = uri.package.partition("/")[0]
    if status in (404, 410):
        return UserError(f"{host} has no such file ({status})", uri.text, "check the address")
    if status in (401, 403):
        change = "name the file's credentials in ~/.netrc, or put the file into data_raw/<name of the source>/"
        return UserError(f"{host} refuses the file ({status})", uri.text, change)
    return None


def unanswered(uri: Uri, error: TransientError) -> UserError:
    host = uri.package.partition("/")[0]
    return UserError(
        f"{host} cannot be reached ({error})",
        uri.text,
        "check the address and your network, or put the file into data_raw/<name of the source>/",
    )
