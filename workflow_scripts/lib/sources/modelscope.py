"""``modelscope://<owner>/<name>[@revision]/<config>/<split>``: files of a ModelScope repository, over its HTTP API.

Its client is a toolbox of which two calls are needed. ``MODELSCOPE_ENDPOINT`` and ``MODELSCOPE_API_TOKEN`` are that
client's names.
"""

import os
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import requests
from requests.auth import AuthBase

from workflow_scripts.lib.errors import UserError
from workflow_scripts.lib.sources import selection
from workflow_scripts.lib.sources.downloads import Downloads
from workflow_scripts.lib.sources.remote import Listing, Remote
from workflow_scripts.lib.sources.retries import BUSY, TransientError, patiently, wait_asked_for
from workflow_scripts.lib.sources.uris import Uri

_DEFAULT = "https://www.modelscope.cn"
_PAGE = 200  # files an answer lists of a data set
_MOST = 3000  # files an answer lists of a model; it is cut off there without a word
_TIMEOUT = 60.0  # seconds
_BY_HAND = "put the files into data_raw/<name of the source>/"


class Token(AuthBase):
    """The user's token; some parts of the API want it as a cookie."""

    def __init__(self, token: str | None) -> None:
        self._token = token

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        if self._token:
            request.headers["Authorization"] = f"Bearer {self._token}"
            request.headers["Cookie"] = f"m_session_id={self._token}"
        return request


def listing(uri: Uri, revision: str | None, folder: Path) -> Listing:
    """Say which files the URI means and where they are.

    The API does not tell the commit of a branch: it is that of the file that was changed last.

    Raises:
        UserError: If the repository, revision, config, split or file does not exist or may not be read.
        TransientError: If ModelScope does not answer.
    """
    auth = Token(os.environ.get("MODELSCOPE_API_TOKEN"))
    entries = {entry["Path"]: entry for entry in _entries(uri, revision or "master", auth)}
    newest = max(entries.values(), key=lambda entry: entry.get("CommittedDate") or 0, default={})
    commit = newest.get("Revision") or revision

    def remote(name: str) -> Remote:
        entry = entries[name]
        if not entry.get("Sha256"):
            raise UserError(f"ModelScope knows no hash of {name}", uri.text, _BY_HAND)
        query = urlencode({"Revision": commit or "master", "FilePath": name})
        return Remote(name, f"{_address(uri)}/repo?{query}", entry["Size"], "sha256", entry["Sha256"])

    def card() -> str | None:
        if "README.md" not in entries:
            return None
        target, wanted = folder / "README.md", remote("README.md")
        if not wanted.is_at(target):
            Downloads(uri.text, auth, lambda status, code: refused(uri, status, code)).fetch(wanted, target)
        return target.read_text(encoding="utf-8", errors="replace")

    return Listing(commit, [remote(name) for name in selection.select(list(entries), uri, card)], auth)


def refused(uri: Uri, status: int, code: str) -> UserError | None:
    """Return what a refusal means."""
    if status == 404:
        return UserError(
            f"ModelScope has no such {_kind(uri)}, revision or file", uri.text, f"compare with {_page(uri)}"
        )
    if status in (401, 403):
        change = f"set MODELSCOPE_API_TOKEN to a token that may read {_page(uri)}, or {_BY_HAND}"
        return UserError(f"ModelScope refuses {uri.package} ({status})", uri.text, change)
    return None


def unanswered(uri: Uri, error: TransientError) -> UserError:
    return UserError(
        f"{_endpoint()} cannot be reached for {uri.text} ({error})",
        uri.text,
        f"set MODELSCOPE_ENDPOINT to an address that you can reach, write hf:// if the hub has the same, or {_BY_HAND}",
    )


def _entries(uri: Uri, revision: str, auth: Token) -> list[dict[str, Any]]:
    """Return what the API says of each file."""
    found: list[dict[str, Any]] = []
    if uri.is_model:
        found = _answer(uri, "repo/files", {"Revision": revision, "Recursive": "True"}, auth)
        if len(found) >= _MOST:
            raise UserError(f"{uri.package} has too many files to list", uri.text, _BY_HAND)
    else:
        page: list[dict[str, Any]] = []
        while not found or len(page) == _PAGE:
            place = {"PageNumber": len(found) // _PAGE + 1, "PageSize": _PAGE}
            page = _answer(uri, "repo/tree", {"Revision": revision, "Recursive": "True"} | place, auth)
            found += page
            if not page:
                break
    return [entry for entry in found if entry.get("Type") != "tree"]


def _answer(uri: Uri, call: str, query: dict[str, Any], auth: Token) -> list[dict[str, Any]]:
    def ask() -> list[dict[str, Any]]:
        try:
            answer = requests.get(f"{_address(uri)}/{call}", params=query, auth=auth, timeout=_TIMEOUT)
        except (requests.ConnectionError, requests.Timeout) as error:
            raise TransientError(type(error).__name__, unreachable=True) from None
        if answer.status_code in BUSY:
            wait = wait_asked_for(answer.headers.get("Retry-After"))
            raise TransientError(f"ModelScope answers {answer.status_code}", wait)
        unusable = UserError(f"ModelScope answers {answer.status_code}", uri.text, "check MODELSCOPE_ENDPOINT")
        if answer.status_code != 200:
            raise refused(uri, answer.status_code, "") or unusable
        try:
            return answer.json()["Data"]["Files"] or []
        except (ValueError, KeyError, TypeError):
            raise unusable from None

    return patiently(ask)


def _endpoint() -> str:
    return os.environ.get("MODELSCOPE_ENDPOINT", _DEFAULT).rstrip("/")


def _kind(uri: Uri) -> str:
    return "model" if uri.is_model else "data set"


def _address(uri: Uri) -> str:
    return f"{_endpoint()}/api/v1/{'models' if uri.is_model else 'datasets'}/{uri.package}"


def _page(uri: Uri) -> str:
    return f"{_endpoint()}/{'models' if uri.is_model else 'datasets'}/{uri.package}"
