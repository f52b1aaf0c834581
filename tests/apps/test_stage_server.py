"""The server of the stages, spoken to as its page and as strangers would."""

import http.client
import json
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import stage_pages
import tiny

from workflow_scripts import serve_stages
from workflow_scripts.lib import jsonl
from workflow_scripts.lib.apps import lasting_lines
from workflow_scripts.lib.apps.stage_models import StageModels
from workflow_scripts.lib.apps.stage_server import StageServer
from workflow_scripts.lib.config.models import ChatGeneration
from workflow_scripts.lib.errors import UserError

SETTINGS = {
    "max_new_tokens": 12,
    "do_sample": True,
    "temperature": 1.0,
    "top_p": 1,
    "repetition_penalty": 1.0,
    "no_repeat_ngram_size": 0,
}
PROMPT = [{"role": "user", "content": "早"}]
ASKED = {"stage": "sft", "messages": PROMPT, "system_prompt": "", "settings": SETTINGS, "seed": 3}
WANTED = {"messages": PROMPT, "system_prompt": "惜字如金"}


@pytest.fixture(scope="module")
def server(models: StageModels, tmp_path_factory: pytest.TempPathFactory) -> Iterator[StageServer]:
    with stage_pages.serving(models, tmp_path_factory.mktemp("app")) as server:
        yield server


def opened(server: StageServer, path: str, value: Any, **changes: str) -> http.client.HTTPConnection:
    host = f"127.0.0.1:{server.server_port}"
    headers = {"X-Token": server.token, "Origin": f"http://{host}", "Content-Type": "application/json"}
    connection = http.client.HTTPConnection(host, timeout=30)
    connection.request("POST", path, json.dumps(value), headers | {n.replace("_", "-"): c for n, c in changes.items()})
    return connection


def send(server: StageServer, path: str, value: Any, **changes: str) -> tuple[int, str]:
    connection = opened(server, path, value, **changes)
    answer = connection.getresponse()
    found = (answer.status, answer.read().decode())
    connection.close()
    return found


def test_a_reply_comes_in_pieces_and_ends_with_how(server: StageServer) -> None:
    status, text = send(server, "/replies", ASKED)
    *pieces, end = [json.loads(line) for line in text.splitlines()]
    said = server.models.reply("sft", PROMPT, ChatGeneration(**SETTINGS), None, 3, lambda piece: None)[0]
    assert status == 200
    assert "".join(piece["piece"] for piece in pieces) == said.text != ""
    assert len(pieces) >= said.tokens > 1
    assert end == {"tokens": said.tokens, "stopped": said.stopped, "left_out": 0}


def test_the_system_prompt_is_shown_to_the_model(server: StageServer) -> None:
    assert send(server, "/replies", ASKED)[1] != send(server, "/replies", ASKED | {"system_prompt": "多说几句"})[1]


def test_what_a_person_can_mend_is_told(server: StageServer) -> None:
    status, text = send(server, "/replies", ASKED | {"messages": [{"role": "user", "content": "长" * 700}]})
    assert status == 200
    assert json.loads(text)["error"].startswith("the message is too long: 2119 tokens, and the model has room for 2036")


@pytest.mark.parametrize(
    ("change", "status", "told"),
    [
        ({"stage": "merged"}, 404, "no stage 'merged'"),
        ({"messages": []}, 400, "messages: List should have at least 1 item after validation, not 0"),
        ({"messages": [{"role": "system", "content": ""}]}, 400, "messages.0.role: Input should be 'user'"),
        ({"seed": -1}, 400, "seed: Input should be greater than or equal to 0"),
        ({"settings": SETTINGS | {"temperature": 0}}, 400, "settings.temperature: Input should be greater than 0"),
        ({"settings": SETTINGS | {"top_k": 5}}, 400, "settings.top_k: Extra inputs are not permitted"),
    ],
)
def test_what_is_no_question_is_refused(server: StageServer, change: dict, status: int, told: str) -> None:
    found, text = send(server, "/replies", ASKED | change)
    assert found == status
    assert text.startswith(told)


@pytest.mark.parametrize("path", ["/replies", "/panel"])
@pytest.mark.parametrize(
    "changes", [{"X_Token": "wrong"}, {"Origin": "http://evil.example"}, {"Host": "evil.example:80"}]
)
def test_strangers_get_nothing(server: StageServer, path: str, changes: dict[str, str]) -> None:
    assert send(server, path, ASKED if path == "/replies" else WANTED, **changes)[0] == 403
    assert not server.panel.path.exists()


def test_when_nobody_listens_the_reply_ends(server: StageServer, monkeypatch: pytest.MonkeyPatch) -> None:
    ended, tokens = threading.Event(), []
    real = server.models.reply

    def reply(*given: Any) -> Any:
        *most, say = given
        try:
            return real(*most, lambda piece: (tokens.append(piece), say(piece)))
        finally:
            ended.set()

    monkeypatch.setattr(server.models, "reply", reply)
    asked = ASKED | {"settings": SETTINGS | {"max_new_tokens": 1800}}
    connection = opened(server, "/replies", asked)
    answer = connection.getresponse()
    assert "piece" in json.loads(answer.readline())
    answer.close()
    connection.close()
    assert ended.wait(timeout=20)
    assert len(tokens) < 1000


def test_prompts_are_added_to_the_panel(models: StageModels, tmp_path: Path) -> None:
    with stage_pages.serving(models, tmp_path) as server:
        first = {"new": True, "prompts": 3, "file": str(server.panel.path), "counts": False}
        assert json.loads(send(server, "/panel", WANTED)[1]) == first
        assert json.loads(send(server, "/panel", WANTED)[1]) == first | {"new": False}
        assert json.loads(send(server, "/panel", WANTED | {"system_prompt": "多说几句"})[1]) == first | {"prompts": 4}
        *_, plain, own = jsonl.read_rows(server.panel.path)
        assert plain["messages"] == PROMPT  # the system prompt of the config is the evaluation's to add
        assert own["messages"] == [{"role": "system", "content": "多说几句"}, *PROMPT]
        with server.panel.path.open("a", encoding="utf-8") as stream:
            stream.write("{\n")
        status, told = send(server, "/panel", WANTED)
        assert (status, told.splitlines()[:2]) == (409, ["not a JSON object", "  where:  tiny.jsonl, line 5"])


def test_a_full_disk_is_told(server: StageServer, monkeypatch: pytest.MonkeyPatch) -> None:
    def append(path: Path, given: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(lasting_lines, "append", append)
    assert send(server, "/panel", WANTED) == (507, "not saved: No space left on device")


def test_the_page_may_load_nothing(server: StageServer) -> None:
    assert server.page.policy.startswith("default-src 'none'; style-src 'sha256-")
    assert not re.search(r"https?://|@import|url\(|innerHTML|insertAdjacent|document\.write|eval\(", server.page.html)


def test_the_command_takes_settings_for_once(
    three: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    served = []

    def serve(server: StageServer) -> None:
        served.append(server)
        raise KeyboardInterrupt

    monkeypatch.setattr(StageServer, "serve_forever", serve)
    monkeypatch.setenv("TUIQIAO_EXECUTION", '{"threads": 1}')
    command = ["--results", str(three), "--panels", str(tmp_path), "--port", "0"]
    with caplog.at_level("INFO"):
        serve_stages.main([*command, "--stages", "", "generation.max_new_tokens=5", "seed=4"])
    (server,) = served
    assert f"open {server.url} in a browser of this machine; Ctrl-C ends it; base, sft, align answer" in caplog.text
    assert (server.config.generation.max_new_tokens, server.config.seed) == (5, 4)
    assert server.config.model.system_prompt == "惜字如金"
    assert server.panel.path == tmp_path / "tang.jsonl"
    with pytest.raises(ConnectionAbortedError):  # it is over
        server.models.reply("base", PROMPT, ChatGeneration(**SETTINGS), None, 3, lambda piece: None)
    with pytest.raises(UserError, match="unknown key 'temprature'"):
        serve_stages.main([*command, "--stages", "base", "generation.temprature=1"])


@pytest.mark.full
def test_the_command_serves_and_ends_while_a_stage_is_speaking(three: Path, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "workflow_scripts.serve_stages", "--results", str(three), "--stages", "base align"]
    command += ["--panels", str(tmp_path), "--port", "0", "generation.max_new_tokens=1800", "seed=5"]
    process = subprocess.Popen(command, cwd=tiny.REPOSITORY, stderr=subprocess.PIPE, text=True)
    line = next(line for line in process.stderr if "open http" in line)
    host = re.search(r"open http://(127\.0\.0\.1:\d+)/ in a browser .*; base, align answer", line).group(1)
    connection = http.client.HTTPConnection(host, timeout=30)
    connection.request("GET", "/")
    page = connection.getresponse().read().decode()
    assert 'value="1800"' in page and 'id="seed" value="5"' in page
    token = re.search(r'name="token" content="([^"]+)"', page).group(1)
    headers = {"X-Token": token, "Origin": f"http://{host}", "Content-Type": "application/json"}
    asked = ASKED | {"stage": "align", "settings": SETTINGS | {"max_new_tokens": 1800}}
    connection = http.client.HTTPConnection(host, timeout=30)
    connection.request("POST", "/replies", json.dumps(asked), headers)
    answer = connection.getresponse()
    assert "piece" in json.loads(answer.readline())
    process.send_signal(signal.SIGINT)
    assert process.wait(timeout=20) == 0
    assert "Traceback" not in process.stderr.read()
    assert b"left_out" not in answer.read()
