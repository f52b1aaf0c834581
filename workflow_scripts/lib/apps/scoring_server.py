"""Serve the scoring page to this machine's own browser, and write down what people judge."""

import json
import logging
import re
import secrets
import threading
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

from pydantic import ValidationError

from workflow_scripts.lib import jsonl
from workflow_scripts.lib.apps import score_file
from workflow_scripts.lib.apps.blind_panel import blind
from workflow_scripts.lib.apps.scoring_page import page
from workflow_scripts.lib.errors import UserError
from workflow_scripts.lib.evaluation.panel_scores import PanelScore, read_scores

log = logging.getLogger(__name__)
ADDRESS = "127.0.0.1"
OWN_NAMES = re.compile(r"(127\.0\.0\.1|localhost)(:\d{1,5})?")  # any port: a tunnel may end on another
LONGEST = 200_000  # bytes of a request: a comment at its longest
PATIENCE = 30  # seconds that a connection may be silent


class ScoringServer(ThreadingHTTPServer):
    """The page, the panel as it is on the disk now, and the file of scores.

    Args:
        port: To listen on, of the loopback address; 0: any that is free.
        folder: Of the evaluations: <stage>/panel.json below it.
        scores: File of scores, made with the first one.

    Raises:
        UserError: If there is no panel, the file of scores is damaged, or the port is taken.
    """

    daemon_threads = True

    def __init__(self, port: int, folder: Path, scores: Path) -> None:
        self.folder, self.scores = folder, scores
        self.page = page(token := secrets.token_urlsafe(32))
        self.token = token
        self.writing = threading.Lock()
        self.panel_for("")
        try:
            super().__init__((ADDRESS, port), _Handler)
        except OSError as error:
            raise UserError(
                f"cannot listen on port {port}: {error.strerror}", "make panel", "choose another, as in PORT=8999"
            ) from None

    @property
    def url(self) -> str:
        return f"http://{ADDRESS}:{self.server_port}/"

    def panel_for(self, rater: str) -> dict:
        """Return the prompts in the rater's order, and what the rater has said of the replies."""
        files = sorted(self.folder.glob("*/panel.json"))
        if not files:
            raise UserError("there are no panel replies", f"{self.folder.name}/<stage>/panel.json", "run `make report`")
        prompts = blind([jsonl.read_json(path) for path in files], rater)
        shown = [reply["id"] for prompt in prompts for reply in prompt["replies"]]
        found = read_scores(self.scores)
        own = {
            reply_id: found[reply_id][rater].model_dump(include={"scores", "failure", "comment"})
            for reply_id in shown
            if rater in found.get(reply_id, {})
        }
        return {"rater": rater, "prompts": prompts, "scores": own}

    def save(self, score: PanelScore) -> None:
        with self.writing:
            score_file.append(self.scores, score)


class _Handler(BaseHTTPRequestHandler):
    server: ScoringServer
    server_version, sys_version = "Tuiqiao", ""
    timeout = PATIENCE

    def do_GET(self) -> None:
        asked = urlsplit(self.path)
        if not self._is_from_here():
            self._refuse(HTTPStatus.FORBIDDEN, "not from this machine's own page")
        elif asked.path == "/":
            self._answer(self.server.page.html, "text/html")
        elif asked.path != "/panel":
            self._refuse(HTTPStatus.NOT_FOUND, "no such page")
        elif not self._has_token():
            self._refuse(HTTPStatus.FORBIDDEN, "no valid token")
        else:
            self._panel(parse_qs(asked.query).get("rater", [""])[0])

    def do_POST(self) -> None:
        length = self.headers.get("Content-Length", "")
        if not self._is_from_here() or not self._is_own_origin() or not self._has_token():
            self._refuse(HTTPStatus.FORBIDDEN, "not from this machine's own page, or no valid token")
        elif self.path != "/scores":
            self._refuse(HTTPStatus.NOT_FOUND, "no such page")
        elif self.headers.get_content_type() != "application/json":
            self._refuse(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "not JSON")
        elif not length.isdecimal() or int(length) > LONGEST:
            self._refuse(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"more than {LONGEST} bytes, or no length")
        else:
            self._score(self.rfile.read(int(length)))

    def _panel(self, rater: str) -> None:
        try:
            PanelScore(reply_id="0" * 64, rater=rater, scores={}, failure=None, comment="")
            found = self.server.panel_for(rater)
        except ValidationError:
            self._refuse(HTTPStatus.BAD_REQUEST, "a name has 1 to 40 characters")
        except UserError as error:
            self._refuse(HTTPStatus.CONFLICT, str(error))
        else:
            self._answer(json.dumps(found, ensure_ascii=True), "application/json")

    def _score(self, body: bytes) -> None:
        try:
            self.server.save(PanelScore.model_validate_json(body))
        except ValidationError as error:
            self._refuse(HTTPStatus.BAD_REQUEST, f"not a score: {error}")
        except OSError as error:
            log.error("not saved: %s", error)
            self._refuse(HTTPStatus.INSUFFICIENT_STORAGE, f"not saved: {error.strerror}")
        else:
            self._answer("{}", "application/json")

    def _is_from_here(self) -> bool:
        """Tell whether the browser asked for this machine by name: a stranger's name may be made to point here."""
        return OWN_NAMES.fullmatch(self.headers.get("Host", "")) is not None

    def _is_own_origin(self) -> bool:
        return self.headers.get("Origin") == f"http://{self.headers.get('Host')}"

    def _has_token(self) -> bool:
        return secrets.compare_digest(self.headers.get("X-Token", "").encode(), self.server.token.encode())

    def _refuse(self, status: HTTPStatus, why: str) -> None:
        self._answer(why, "text/plain", status)

    def _answer(self, text: str, kind: str, status: HTTPStatus = HTTPStatus.OK) -> None:
        body = text.encode()
        self.send_response(status)
        for name, value in (
            ("Content-Type", f"{kind}; charset=utf-8"),
            ("Content-Length", str(len(body))),
            ("Content-Security-Policy", self.server.page.policy),
            ("Cache-Control", "no-store"),
            ("X-Content-Type-Options", "nosniff"),
            ("Referrer-Policy", "no-referrer"),
            ("Cross-Origin-Resource-Policy", "same-origin"),
        ):
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *arguments: object) -> None:
        log.debug(format, *arguments)
