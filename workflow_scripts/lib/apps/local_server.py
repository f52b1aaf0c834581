"""Serve one page to this machine's own browser, and answer what the page asks."""

import json
import logging
import re
import secrets
from collections.abc import Callable
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, ClassVar
from urllib.parse import parse_qs, urlsplit

from workflow_scripts.lib.apps.local_page import Page
from workflow_scripts.lib.errors import UserError

log = logging.getLogger(__name__)
ADDRESS = "127.0.0.1"
OWN_NAMES = re.compile(r"(127\.0\.0\.1|localhost)(:\d{1,5})?")  # any port: a tunnel may end on another
PATIENCE = 30  # seconds that a connection may be silent


class LocalServer(ThreadingHTTPServer):
    """A page on the loopback address.

    Args:
        port: To listen on; 0: any that is free.
        handler: What answers.
        page: Makes the page, from the token that it has to show with everything it asks for.
        command: What started it, for errors.

    Raises:
        UserError: If the port is taken.
    """

    daemon_threads = True

    def __init__(self, port: int, handler: type["LocalHandler"], page: Callable[[str], Page], command: str) -> None:
        self.token = secrets.token_urlsafe(32)
        self.page = page(self.token)
        try:
            super().__init__((ADDRESS, port), handler)
        except OSError as error:
            raise UserError(
                f"cannot listen on port {port}: {error.strerror}", command, "choose another, as in PORT=8999"
            ) from None

    @property
    def url(self) -> str:
        return f"http://{ADDRESS}:{self.server_port}/"


class LocalHandler(BaseHTTPRequestHandler):
    """Answers requests of the page that this very server gave out, and of nobody else.

    Attributes:
        READS: Path to the method that answers a GET; it takes the query.
        WRITES: Path to the method that answers a POST; it takes the body.
        LONGEST: Bytes of a body.
    """

    READS: ClassVar[dict[str, Callable[[Any, dict[str, list[str]]], None]]] = {}
    WRITES: ClassVar[dict[str, Callable[[Any, bytes], None]]] = {}
    LONGEST: ClassVar[int] = 0
    server_version, sys_version = "Tuiqiao", ""
    timeout = PATIENCE
    disable_nagle_algorithm = True  # a reply that streams is many small writes

    def do_GET(self) -> None:
        asked = urlsplit(self.path)
        if not self._is_from_here():
            self.refuse(HTTPStatus.FORBIDDEN, "not from this machine's own page")
        elif asked.path == "/":
            self._answer(self.server.page.html, "text/html")
        elif asked.path not in self.READS:
            self.refuse(HTTPStatus.NOT_FOUND, "no such page")
        elif not self._has_token():
            self.refuse(HTTPStatus.FORBIDDEN, "no valid token")
        else:
            self.READS[asked.path](self, parse_qs(asked.query))

    def do_POST(self) -> None:
        length = self.headers.get("Content-Length", "")
        if not self._is_from_here() or not self._is_own_origin() or not self._has_token():
            self.refuse(HTTPStatus.FORBIDDEN, "not from this machine's own page, or no valid token")
        elif self.path not in self.WRITES:
            self.refuse(HTTPStatus.NOT_FOUND, "no such page")
        elif self.headers.get_content_type() != "application/json":
            self.refuse(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "not JSON")
        elif not length.isdecimal() or int(length) > self.LONGEST:
            self.refuse(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"more than {self.LONGEST} bytes, or no length")
        else:
            self.WRITES[self.path](self, self.rfile.read(int(length)))

    def answer(self, value: Any) -> None:
        """Answer with a value as JSON."""
        self._answer(json.dumps(value, ensure_ascii=True), "application/json")

    def refuse(self, status: HTTPStatus, why: str) -> None:
        self._answer(why, "text/plain", status)

    def begin(self, kind: str, status: HTTPStatus = HTTPStatus.OK, length: int | None = None) -> None:
        """Send the headers; without a length the answer ends where the connection does."""
        self.send_response(status)
        for name, value in (
            ("Content-Type", f"{kind}; charset=utf-8"),
            *([] if length is None else [("Content-Length", str(length))]),
            ("Content-Security-Policy", self.server.page.policy),
            ("Cache-Control", "no-store"),
            ("X-Content-Type-Options", "nosniff"),
            ("Referrer-Policy", "no-referrer"),
            ("Cross-Origin-Resource-Policy", "same-origin"),
        ):
            self.send_header(name, value)
        self.end_headers()

    def _answer(self, text: str, kind: str, status: HTTPStatus = HTTPStatus.OK) -> None:
        body = text.encode()
        self.begin(kind, status, len(body))
        self.wfile.write(body)

    def _is_from_here(self) -> bool:
        """Tell whether the browser asked for this machine by name: a stranger's name may be made to point here."""
        return OWN_NAMES.fullmatch(self.headers.get("Host", "")) is not None

    def _is_own_origin(self) -> bool:
        return self.headers.get("Origin") == f"http://{self.headers.get('Host')}"

    def _has_token(self) -> bool:
        return secrets.compare_digest(self.headers.get("X-Token", "").encode(), self.server.token.encode())

    def log_message(self, format: str, *arguments: object) -> None:
        log.debug(format, *arguments)
