"""Serve the page on which stages answer side by side: replies as they are written, and prompts for the panel."""

import json
import logging
import threading
from collections.abc import Callable
from dataclasses import asdict
from http import HTTPStatus
from typing import Annotated, ClassVar, Literal

import torch
from pydantic import Field, ValidationError

from workflow_scripts.lib.apps.local_page import Page
from workflow_scripts.lib.apps.local_server import LocalHandler, LocalServer
from workflow_scripts.lib.apps.own_panel import OwnPanel
from workflow_scripts.lib.apps.stage_models import StageModels
from workflow_scripts.lib.apps.stage_page import page
from workflow_scripts.lib.chat_template import with_system_prompt
from workflow_scripts.lib.config.fields import Section, Seed
from workflow_scripts.lib.config.models import ChatGeneration, Config
from workflow_scripts.lib.errors import UserError

log = logging.getLogger(__name__)


class Said(Section):
    role: Literal["user", "assistant"]
    content: str


Dialogue = Annotated[list[Said], Field(min_length=1)]


class Asked(Section):
    """A stage's turn to answer."""

    stage: str
    messages: Dialogue
    system_prompt: str
    settings: ChatGeneration
    seed: Seed | None


class Wanted(Section):
    """A dialogue that ends with the prompt which the panel is to ask."""

    messages: Dialogue
    system_prompt: str


class StageServer(LocalServer):
    """The page, the models, and the file of prompts.

    Args:
        port: To listen on, of the loopback address; 0: any that is free.
        load: Returns who answers; called once the port is ours, as it may take minutes.
        names: The stages, in the order of the columns.
        config: Of the results.
        panel: Where prompts go.

    Raises:
        UserError: If the port is taken.
    """

    def __init__(
        self, port: int, load: Callable[[], StageModels], names: list[str], config: Config, panel: OwnPanel
    ) -> None:
        self.names, self.config, self.panel = names, config, panel
        self.writing = threading.Lock()
        super().__init__(port, _Handler, self._page, "make app")
        self.models = load()

    def _page(self, token: str) -> Page:
        return page(token, self.names, self.config, self.panel.examples())


class _Handler(LocalHandler):
    server: StageServer
    LONGEST = 2_000_000  # a long conversation

    def _reply(self, body: bytes) -> None:
        """Answer with a JSON object a line: pieces of text as they come, then how it ended, or why it did not."""
        try:
            asked = Asked.model_validate_json(body)
        except ValidationError as error:
            self.refuse(HTTPStatus.BAD_REQUEST, _faults(error))
            return
        if asked.stage not in self.server.names:
            self.refuse(HTTPStatus.NOT_FOUND, f"no stage {asked.stage!r}")
            return
        self.begin("application/x-ndjson")
        try:
            self._tell(self._spoken(asked))
        except OSError as error:  # the page has stopped listening, or the server ends
            log.debug("%s: reply left: %s", asked.stage, error)

    def _spoken(self, asked: Asked) -> dict:
        try:
            reply, left_out = self.server.models.reply(
                asked.stage,
                [message.model_dump() for message in asked.messages],
                asked.settings,
                asked.system_prompt or None,
                asked.seed,
                lambda piece: self._tell({"piece": piece}),
            )
        except UserError as error:
            return {"error": str(error)}
        except torch.OutOfMemoryError:
            return {"error": "out of memory: begin a new conversation, ask for shorter replies, or load fewer stages"}
        return {"tokens": reply.tokens, "stopped": reply.stopped, "left_out": left_out}

    def _tell(self, line: dict) -> None:
        self.wfile.write(json.dumps(line).encode() + b"\n")

    def _add(self, body: bytes) -> None:
        panel, usual = self.server.panel, self.server.config.model.system_prompt or ""
        try:
            wanted = Wanted.model_validate_json(body)
            messages = [message.model_dump() for message in wanted.messages]
            other = wanted.system_prompt if wanted.system_prompt != usual else None
            with self.server.writing:
                added = panel.add(with_system_prompt(messages, other))
        except ValidationError as error:
            self.refuse(HTTPStatus.BAD_REQUEST, _faults(error))
        except UserError as error:
            self.refuse(HTTPStatus.CONFLICT, str(error))
        except OSError as error:
            log.error("not saved: %s", error)
            self.refuse(HTTPStatus.INSUFFICIENT_STORAGE, f"not saved: {error.strerror}")
        else:
            self.answer(asdict(added) | {"file": str(added.file)})

    WRITES: ClassVar = {"/replies": _reply, "/panel": _add}


def _faults(error: ValidationError) -> str:
    return "\n".join(f"{'.'.join(map(str, fault['loc']))}: {fault['msg']}" for fault in error.errors())
