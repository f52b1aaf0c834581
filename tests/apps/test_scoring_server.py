"""The server, spoken to as browsers and strangers would: over HTTP on the loopback address."""

import http.client
import json
import os
import re
import signal
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any
from urllib.parse import quote

import panels
import pytest

from workflow_scripts.lib import jsonl
from workflow_scripts.lib.apps import lasting_lines
from workflow_scripts.lib.apps.blind_panel import blind
from workflow_scripts.lib.apps.scoring_server import ScoringServer
from workflow_scripts.lib.errors import UserError
from workflow_scripts.lib.evaluation.panel_scores import PanelScore, read_scores

REPOSITORY = Path(__file__).resolve().parents[2]
REPLY = panels.identity(0, "江水遠")
SCORE = {"reply_id": REPLY, "rater": "甲", "scores": {"content": 4}, "failure": None, "comment": ""}


def ask(
    server: ScoringServer, path: str, body: bytes | None = None, **changes: str | None
) -> tuple[int, str, dict[str, str]]:
    """Ask as the page does, with headers changed or (None) left out; return status, body and headers."""
    host = f"127.0.0.1:{server.server_port}"
    headers: dict[str, Any] = {"Host": host, "X-Token": server.token}
    if body is not None:
        headers |= {"Origin": f"http://{host}", "Content-Type": "application/json", "Content-Length": str(len(body))}
    headers |= {name.replace("_", "-"): value for name, value in changes.items()}
    connection = http.client.HTTPConnection("127.0.0.1", server.server_port, timeout=10)
    connection.putrequest("GET" if body is None else "POST", path, skip_host=True, skip_accept_encoding=True)
    for name, value in headers.items():
        if value is not None:
            connection.putheader(name, value)
    connection.endheaders(body)
    answer = connection.getresponse()
    found = (answer.status, answer.read().decode(), dict(answer.getheaders()))
    connection.close()
    return found


def send(server: ScoringServer, value: Any, **changes: str | None) -> int:
    return ask(server, "/scores", json.dumps(value).encode(), **changes)[0]


def test_it_listens_on_the_loopback_address_only(server: ScoringServer) -> None:
    assert server.socket.getsockname()[0] == "127.0.0.1"
    others = {found[4][0] for found in socket.getaddrinfo(socket.gethostname(), None, socket.AF_INET)}
    for address in others - {"127.0.0.1"}:
        with pytest.raises(OSError), socket.create_connection((address, server.server_port), timeout=2):
            pass


def test_a_score_is_on_the_disk_when_the_answer_comes(server: ScoringServer, scores: Path) -> None:
    assert send(server, SCORE) == 200
    assert list(jsonl.read_rows(scores)) == [SCORE]
    assert send(server, SCORE | {"rater": "乙", "failure": "format"}) == 200
    assert read_scores(scores)[REPLY]["乙"].failure == "format"


def test_the_panel_of_a_rater_tells_no_stage_and_only_own_scores(server: ScoringServer) -> None:
    send(server, SCORE)
    send(server, SCORE | {"rater": "乙", "comment": "mine"})
    status, text, _ = ask(server, f"/panel?rater={quote('乙')}")
    found = json.loads(text)
    assert status == 200
    assert found["scores"] == {REPLY: {"scores": {"content": 4}, "failure": None, "comment": "mine"}}
    assert [set(prompt) for prompt in found["prompts"]] == [{"id", "theme", "messages", "replies"}] * 3
    replies = [reply for prompt in found["prompts"] for reply in prompt["replies"]]
    assert [set(reply) for reply in replies] == [{"id", "text"}] * 5  # what both stages said is shown once
    assert not re.search("base|sft|p0", text)


def test_every_rater_has_an_order_that_stays_and_tells_nothing() -> None:
    stages = {
        stage: {"samples": [panels.sample(n, f"{stage} {n}") for n in range(40)]} for stage in ("base", "sft", "align")
    }
    orders = {rater: blind(list(stages.values()), rater) for rater in ("甲", "乙")}
    assert orders["甲"] == blind(list(reversed(stages.values())), "甲") != orders["乙"]
    for prompts in orders.values():
        firsts = [prompt["replies"][0]["text"].split()[0] for prompt in prompts]
        assert all(5 <= firsts.count(stage) <= 25 for stage in stages)  # 13 to be expected, standard deviation 3
        assert [prompt["messages"][0]["content"] for prompt in prompts] != [f"续写第{n}首" for n in range(40)]


@pytest.mark.parametrize(
    "changes",
    [
        {"Host": "evil.example"},
        {"Host": "evil.example:8377", "Origin": "http://evil.example:8377"},
        {"Host": None},
        {"Host": "["},
        {"Host": "127.0.0.1.evil.example"},
        {"Origin": "http://evil.example"},
        {"Origin": "null"},
        {"Origin": None},
        {"X_Token": "wrong"},
        {"X_Token": "é"},
        {"X_Token": None},
    ],
)
def test_strangers_write_nothing(server: ScoringServer, scores: Path, changes: dict[str, str | None]) -> None:
    assert send(server, SCORE, **changes) == 403
    assert not scores.exists()


@pytest.mark.parametrize(
    ("path", "changes", "status"),
    [
        ("/panel?rater=a", {"X_Token": None}, 403),
        ("/panel?rater=a", {"Host": "evil.example"}, 403),
        ("/", {"Host": "evil.example"}, 403),
        ("/", {"X_Token": None}, 200),
        ("/", {"Host": "localhost:9999"}, 200),
        ("/panel", {}, 400),
        ("/panel?rater=%0a", {}, 400),
        ("/../../etc/passwd", {}, 404),
        ("/human/panel_scores.jsonl", {}, 404),
    ],
)
def test_what_is_read(server: ScoringServer, path: str, changes: dict[str, str | None], status: int) -> None:
    assert ask(server, path, **changes)[0] == status


@pytest.mark.parametrize(
    ("body", "changes", "status"),
    [
        (b"{", {}, 400),
        (b"[" * 100_000, {}, 400),
        (b"\xff", {}, 400),
        (json.dumps(SCORE | {"scores": {"content": 9}}).encode(), {}, 400),
        (json.dumps(SCORE | {"rater": "a\nb"}).encode(), {}, 400),
        (json.dumps(SCORE | {"comment": "x" * 10_001}).encode(), {}, 400),
        (b'{"comment": "\\ud800"}', {}, 400),
        (b"{}", {"Content_Type": "text/plain"}, 415),
        (b"{}", {"Content_Type": "application/x-www-form-urlencoded"}, 415),
        (b"{}", {"Content_Length": "200001"}, 413),
        (b"{}", {"Content_Length": "-1"}, 413),
        (b"{}", {"Content_Length": None}, 413),
    ],
)
def test_what_is_no_score_is_refused(
    server: ScoringServer, scores: Path, body: bytes, changes: dict[str, str | None], status: int
) -> None:
    assert ask(server, "/scores", body, **changes)[0] == status
    assert not scores.exists()
    assert send(server, SCORE) == 200


def test_a_comment_at_its_longest_fits(server: ScoringServer, scores: Path) -> None:
    assert send(server, SCORE | {"comment": "\u202e" * 10_000}) == 200
    assert read_scores(scores)[REPLY]["甲"].comment == "\u202e" * 10_000


def test_a_full_disk_is_told(server: ScoringServer, monkeypatch: pytest.MonkeyPatch) -> None:
    def append(path: Path, score: PanelScore) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(lasting_lines, "append", append)
    status, told, _ = ask(server, "/scores", json.dumps(SCORE).encode())
    assert (status, told) == (507, "not saved: No space left on device")


def test_the_page_may_load_nothing_and_is_kept_nowhere(server: ScoringServer) -> None:
    _, page, headers = ask(server, "/")
    policy = headers["Content-Security-Policy"]
    assert policy.startswith("default-src 'none'; style-src 'sha256-")
    assert "unsafe" not in policy and "http" not in policy and "*" not in policy
    assert (headers["Cache-Control"], headers["X-Content-Type-Options"]) == ("no-store", "nosniff")
    assert not re.search(r"https?://|@import|url\(|innerHTML|insertAdjacent|document\.write|eval\(", page)
    assert page.count(f'content="{server.token}"') == 1


def test_a_retrained_model_does_not_inherit_scores(tmp_path: Path, server: ScoringServer) -> None:
    send(server, SCORE)
    panels.write(tmp_path / "eval", {"sft": ["另一句", "山色近", "一樣"]})
    found = json.loads(ask(server, f"/panel?rater={quote('甲')}")[1])
    texts = {reply["text"] for prompt in found["prompts"] for reply in prompt["replies"]}
    assert "另一句" in texts and "江水遠" not in texts
    assert found["scores"] == {}


def test_without_a_panel(tmp_path: Path, scores: Path) -> None:
    with pytest.raises(UserError) as caught:
        ScoringServer(0, tmp_path / "eval", scores)
    assert (caught.value.what, caught.value.change) == ("there are no panel replies", "run `make report`")


def test_a_port_that_is_taken(tmp_path: Path, server: ScoringServer, scores: Path) -> None:
    with pytest.raises(UserError, match=f"cannot listen on port {server.server_port}: Address already in use"):
        ScoringServer(server.server_port, server.folder, scores)


def test_the_command_killed_and_started_again_has_all(tmp_path: Path, scores: Path) -> None:
    command = [sys.executable, "-m", "workflow_scripts.score_panel", "--folder", str(panels.write(tmp_path / "eval"))]
    command += ["--scores", str(scores), "--port", "0"]

    def start() -> tuple[subprocess.Popen, str, str]:
        process = subprocess.Popen(command, cwd=REPOSITORY, stderr=subprocess.PIPE, text=True)
        url = re.search(r"open http://(127\.0\.0\.1:\d+)/ in a browser", process.stderr.readline()).group(1)
        connection = http.client.HTTPConnection(url, timeout=10)
        connection.request("GET", "/")
        page = connection.getresponse().read().decode()
        return process, url, re.search(r'name="token" content="([^"]+)"', page).group(1)

    process, url, token = start()
    connection = http.client.HTTPConnection(url, timeout=10)
    headers = {"X-Token": token, "Origin": f"http://{url}", "Content-Type": "application/json"}
    connection.request("POST", "/scores", json.dumps(SCORE), headers)
    assert connection.getresponse().status == 200
    process.kill()
    process.wait()
    process, url, second = start()
    connection = http.client.HTTPConnection(url, timeout=10)
    connection.request("GET", f"/panel?rater={quote('甲')}", headers={"X-Token": second})
    assert json.loads(connection.getresponse().read())["scores"][REPLY]["scores"] == {"content": 4}
    assert second != token
    os.kill(process.pid, signal.SIGINT)
    assert process.wait(timeout=10) == 0
    assert "Traceback" not in process.stderr.read()
