"""Panel replies of two stages, and a server that shows them."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from workflow_scripts.lib import jsonl
from workflow_scripts.lib.apps.local_server import LocalServer
from workflow_scripts.lib.apps.scoring_server import ScoringServer
from workflow_scripts.lib.evaluation.panel import reply_id

REPLIES = {  # stage -> reply to each prompt; both stages say the same to the third
    "base": ["the river is far", "<b>bold</b>", "一樣"],
    "sft": ["江水遠", "山色近", "一樣"],
}


def sample(number: int, reply: str) -> dict:
    messages = [{"role": "user", "content": f"续写第{number}首"}]
    return {
        "id": f"p{number}",
        "theme": "山水",
        "messages": messages,
        "reply": reply,
        "reply_id": reply_id(messages, reply),
    }


def identity(number: int, reply: str) -> str:
    return sample(number, reply)["reply_id"]


def write(folder: Path, replies: dict[str, list[str]] = REPLIES) -> Path:
    """Write <stage>/panel.json and return the folder."""
    for stage, said in replies.items():
        samples = [sample(number, reply) for number, reply in enumerate(said)]
        jsonl.write_json(folder / stage / "panel.json", {"samples": samples})
    return folder


@contextmanager
def serving(folder: Path, scores: Path, port: int = 0) -> Iterator[ScoringServer]:
    with ScoringServer(port, folder, scores) as server, answering(server):
        yield server


@contextmanager
def answering(server: LocalServer) -> Iterator[None]:
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield
    finally:
        server.shutdown()
        thread.join()
