"""Files over HTTP: resumed where they stopped, tried again, checked by their hash, put in place when whole."""

import logging
import time
from collections.abc import Callable
from pathlib import Path

import requests
from requests.auth import AuthBase

from workflow_scripts.lib.errors import UserError
from workflow_scripts.lib.sources.remote import Remote
from workflow_scripts.lib.sources.retries import BUSY, TransientError, patiently, wait_asked_for

log = logging.getLogger(__name__)

_TIMEOUT = (10, 60)  # seconds to connect; between two pieces of a body
_CHUNK = 1 << 16  # bytes; when a body breaks off, less than this is lost
_EVERY = 5.0  # seconds between two progress lines
_AGAIN = "run again to fetch it anew; if it stays so, do not trust this address"

Explain = Callable[[int, str], UserError | None]  # status and X-Error-Code of an answer -> what it means


class Downloads:
    """Fetches files, all with the same token.

    Huggingface_hub 2.4 throws half a file away when its process ends, so it only says where the files are.

    Args:
        uri: What is fetched, for messages.
        auth: The user's token.
        explain: Tells what a refusal means.
    """

    def __init__(self, uri: str, auth: AuthBase | None, explain: Explain) -> None:
        self._uri, self._auth, self._explain = uri, auth, explain
        self._session = requests.Session()

    def fetch(self, remote: Remote, target: Path) -> None:
        """Put the file's bytes at ``target``. What has come before a failure stays beside it and is gone on with.

        Raises:
            UserError: If it is refused, or its bytes are not those of its hash, twice.
            TransientError: If it fails again and again.
        """
        target.parent.mkdir(parents=True, exist_ok=True)
        part = target.with_name(target.name + ".part")
        for last in (False, True):
            patiently(lambda: self._go_on(remote, part))
            if remote.is_at(part):
                part.replace(target)
                return
            part.unlink()
            if not last:
                log.info("%s has other bytes than its hash says; fetched once more", remote.path)
        raise UserError(f"{remote.path} does not have the hash that it should have", self._uri, _AGAIN)

    def _go_on(self, remote: Remote, part: Path) -> None:
        """Fetch what is missing of the file."""
        have = part.stat().st_size if part.exists() else 0
        if remote.size is not None and have == remote.size:
            return
        headers = {"Accept-Encoding": "identity"} | ({"Range": f"bytes={have}-"} if have else {})
        try:
            with self._session.get(
                remote.url, headers=headers, auth=self._auth, stream=True, timeout=_TIMEOUT
            ) as answer:
                whole = answer.status_code == 416 and remote.is_at(part)  # nothing is missing: its size was not known
                if whole:
                    return
                if answer.status_code == 416 or (answer.status_code == 206 and _start(answer) != have):
                    part.unlink()
                    raise TransientError(f"{remote.path} cannot be gone on with, and starts anew")
                self._check(answer)
                with part.open("ab" if answer.status_code == 206 else "wb") as out:
                    self._copy(answer, out, remote)
        except (requests.ConnectionError, requests.Timeout, requests.exceptions.ChunkedEncodingError) as error:
            now = part.stat().st_size if part.exists() else 0
            unreachable = isinstance(error, requests.ConnectionError) and now == have
            what = "no answer" if unreachable else f"{remote.path} broke off at {now / 1e6:.1f} MB"
            raise TransientError(what, unreachable=unreachable, progress=now > have) from None
        except requests.RequestException as error:  # its text can hold a signed address
            raise UserError(
                f"{remote.path} cannot be fetched ({type(error).__name__})", self._uri, "check the address"
            ) from None
        if remote.size is not None and part.stat().st_size < remote.size:
            raise TransientError(f"{remote.path} ended early", progress=part.stat().st_size > have)

    def _check(self, answer: requests.Response) -> None:
        status, code = answer.status_code, answer.headers.get("X-Error-Code", "")
        if status in (200, 206):
            return
        if status in BUSY:
            raise TransientError(f"the server answers {status}", wait_asked_for(answer.headers.get("Retry-After")))
        raise self._explain(status, code) or UserError(
            f"the server answers {status}", self._uri, "check the address, or put the files into data_raw/<source>/"
        )

    def _copy(self, answer: requests.Response, out, remote: Remote) -> None:
        told = time.monotonic()
        for chunk in answer.iter_content(_CHUNK):
            out.write(chunk)
            if time.monotonic() - told > _EVERY:
                told = time.monotonic()
                whole = "" if remote.size is None else f" of {remote.size / 1e6:.1f}"
                log.info("%s: %.1f%s MB", remote.path, out.tell() / 1e6, whole)


def _start(answer: requests.Response) -> int | None:
    """Return the first byte that a partial answer holds."""
    first = answer.headers.get("Content-Range", "").removeprefix("bytes ").partition("-")[0]
    return int(first) if first.isdigit() else None
