"""URIs of data and models: what they mean and under which name their bytes are kept."""

import hashlib
import re
from dataclasses import dataclass

from workflow_scripts.lib.errors import UserError

_FORMS = {
    "pypi": "pypi://<package>==<version>/<path or glob inside the wheel>",
    "npm": "npm://<package>@<version>/<path or glob inside the package>",
    "file": "file://<path of a file, a folder or a glob>",
}
_PATTERNS = {
    "pypi": re.compile(r"(?P<package>[A-Za-z0-9][\w.-]*)==(?P<version>[0-9][\w.!+]*)/(?P<path>.+)", re.ASCII),
    "npm": re.compile(
        r"(?P<package>(?:@[A-Za-z0-9][\w.-]*/)?[A-Za-z0-9][\w.-]*)@(?P<version>[0-9][\w.+-]*)/(?P<path>.+)", re.ASCII
    ),
    "file": re.compile(r"(?P<package>)(?P<version>)(?P<path>.+)"),
}
_LATER = ("hf", "modelscope", "https")


@dataclass(frozen=True)
class Uri:
    """A parsed URI; ``package`` and ``version`` are empty for ``file``. ``path`` may be a glob."""

    text: str
    scheme: str
    package: str
    version: str
    path: str


def parse(uri: str) -> Uri:
    """Split a URI into its parts.

    Raises:
        UserError: If the scheme is unknown or not supported yet, or the version or path is missing.
    """
    scheme, separator, rest = uri.partition("://")
    if not separator or scheme not in (*_FORMS, *_LATER):
        raise UserError(f"{uri!r} is no URI of a known scheme", "from", f"write one of: {', '.join(_FORMS.values())}")
    if scheme in _LATER:
        raise UserError(
            f"{scheme}:// is not supported yet",
            uri,
            "fetch the files by hand into data_raw/<name of the source>/, or use pypi://, npm:// or file://",
        )
    match = _PATTERNS[scheme].fullmatch(rest)
    if match is None:
        raise UserError(f"{uri!r} is not complete", "from", f"write {_FORMS[scheme]}, with a fixed version")
    return Uri(uri, scheme, match["package"], match["version"], match["path"])


def cache_key(uri: str, revision: str | None) -> str:
    """Return the name of the URI's folder in the cache: 16 hex digits."""
    return hashlib.sha256(f"{uri}\x1f{revision or ''}".encode()).hexdigest()[:16]
