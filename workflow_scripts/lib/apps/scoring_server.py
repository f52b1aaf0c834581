"""Serve the scoring page, and write down what people judge."""

import logging
import threading
from http import HTTPStatus
from pathlib import Path
from typing import ClassVar

from pydantic import ValidationError

from workflow_scripts.lib import jsonl
from workflow_scripts.lib.apps import lasting_lines
from workflow_scripts.lib.apps.blind_panel import blind
from workflow_scripts.lib.apps.local_server import LocalHandler, LocalServer
from workflow_scripts.lib.apps.scoring_page import page
from workflow_scripts.lib.errors import UserError
from workflow_scripts.lib.evaluation.panel_scores import PanelScore, read_scores

log = logging.getLogger(__name__)


class ScoringServer(LocalServer):
    """The page, the panel as it is on the disk now, and the file of scores.

    Args:
        port: To listen on, of the loopback address; 0: any that is free.
        folder: Of the evaluations: <stage>/panel.json below it.
        scores: File of scores, made with the first one.

    Raises:
        UserError: If there is no panel, the file of scores is damaged, or the port is taken.
    """

    def __init__(self, port: int, folder: Path, scores: Path) -> None:
        self.folder, self.scores = folder, scores
        self.writing = threading.Lock()
        self.panel_for("")
        super().__init__(port, _Handler, page, "make panel")

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
            lasting_lines.append(self.scores, score)


class _Handler(LocalHandler):
    server: ScoringServer
    LONGEST = 200_000  # a comment at its longest

    def _panel(self, query: dict[str, list[str]]) -> None:
        rater = query.get("rater", [""])[0]
        try:
            PanelScore(reply_id="0" * 64, rater=rater, scores={}, failure=None, comment="")
            found = self.server.panel_for(rater)
        except ValidationError:
            self.refuse(HTTPStatus.BAD_REQUEST, "a name has 1 to 40 characters")
        except UserError as error:
            self.refuse(HTTPStatus.CONFLICT, str(error))
        else:
            self.answer(found)

    def _score(self, body: bytes) -> None:
        try:
            self.server.save(PanelScore.model_validate_json(body))
        except ValidationError as error:
            self.refuse(HTTPStatus.BAD_REQUEST, f"not a score: {error}")
        except OSError as error:
            log.error("not saved: %s", error)
            self.refuse(HTTPStatus.INSUFFICIENT_STORAGE, f"not saved: {error.strerror}")
        else:
            self.answer({})

    READS: ClassVar = {"/panel": _panel}
    WRITES: ClassVar = {"/scores": _score}
