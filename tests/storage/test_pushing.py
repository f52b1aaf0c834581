"""Results to an object store: what is shown, what is sent, sent again, and never sent."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from store import CLOSED, OPEN, OWNER, READER, Store

from workflow_scripts.lib import jsonl

pytestmark = pytest.mark.full
REPOSITORY = Path(__file__).resolve().parents[2]
LICENCES = {"publishable": "conditions", "reasons": [{"source": "poems", "en": "name the authors"}]}
WEIGHTS = b"\x02\x00\x00\x00\x00\x00\x00\x00{}" + bytes(range(256)) * 40_000  # goes in several parts
SENT = {
    "config.yaml": b"recipe: tang\n",
    "data/card.md": "# 数据\n".encode(),
    "data/card/funnel.svg": b"<svg/>",
    "models/align/adapter_model.safetensors": WEIGHTS,
    "models/align/adapter_config.json": b"{}",
    "models/gguf/model-q8_0.gguf": b"GGUF",
    "eval/report.json": b'{"base": "/home/poet/base"}',
    "eval/align/harness/poem.json": b"{}",
}
KEPT = {
    "data/sft/train.jsonl": b"rows",
    "data/clean/poems.jsonl": b"rows",
    "models/align/timing.json": b"{}",
    "eval/data/cmmlu/rows.jsonl": b"rows",
    "store/abc.jsonl": b"rows",
    "provenance/report.json": b"{}",
    "logs/train_sft.log": b"/home/poet",
}


@pytest.fixture
def results(tmp_path: Path) -> Path:
    folder = tmp_path / "results"
    for name, content in (SENT | KEPT).items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
    jsonl.write_json(folder / "data" / "card.json", {"licences": LICENCES})
    return folder


def push(
    store: Store, results: Path, to: str, *more: str, parts: tuple[str, ...] = (), user: tuple[str, str] = OWNER
) -> tuple[int, str]:
    command = [sys.executable, "-m", "workflow_scripts.push_results", "--results", str(results), "--to", to]
    done = subprocess.run(
        [*command, "--parts", *parts, *more],
        cwd=REPOSITORY,
        env=os.environ | store.variables(user),
        capture_output=True,
        text=True,
        check=False,
    )
    said = done.stdout + done.stderr
    assert "Traceback" not in said, said
    assert user[1] not in said
    return done.returncode, said


def test_it_is_shown_first_sent_once_and_then_only_what_changed(store: Store, results: Path) -> None:
    to = f"s3://{OPEN}/runs/推敲/"
    status, said = push(store, results, to)
    assert status == 0, said
    assert f"{results} → s3://{OPEN}/runs/推敲\n" in said
    assert "  new     models/align/adapter_model.safetensors  10.2 MB\n" in said
    assert "10.2 MB to send; 0 of 9 files are there already\n" in said
    assert "  poems: name the authors\nnothing was sent; UPLOAD=yes does it" in said
    assert store.contents("runs/") == {}

    status, said = push(store, results, to, "--upload")
    assert status == 0, said
    found = {key.removeprefix("runs/推敲/"): content for key, content in store.contents("runs/").items()}
    assert {name: content for name, content in found.items() if name != "data/card.json"} == SENT
    head = store.client.head_object(Bucket=OPEN, Key="runs/推敲/eval/report.json")
    assert head["ContentType"] == "application/json"

    (results / "models" / "align" / "adapter_config.json").write_bytes(b"[]")  # of the same size
    store.put("runs/推敲/notes.txt", b"somebody's")
    status, said = push(store, results, to, "--upload")
    assert status == 0, said
    assert (
        "changed models/align/adapter_config.json  2 B\n  2 B to send; 8 of 9 files are there already; 1 other" in said
    )
    assert "sent 1 of 1: runs/推敲/models/align/adapter_config.json\n" in said
    assert "notes.txt" not in said and store.contents("runs/推敲/notes")


def test_parts_are_sent_by_themselves(store: Store, results: Path) -> None:
    status, said = push(store, results, f"s3://{OPEN}/part", "--upload", parts=("gguf", "config"))
    assert status == 0, said
    assert set(store.contents("part/")) == {"part/config.yaml", "part/models/gguf/model-q8_0.gguf"}


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("models/align/training_args.bin", b"\x80\x04", "training_args.bin may hold a pickle"),
        ("config.yaml", b"token: hf_abcdefghijklmnopqrst", "config.yaml holds an access token"),
        ("eval/report.json", OWNER[1].encode(), "report.json holds an access token"),
    ],
)
def test_secrets_stay_here(store: Store, results: Path, name: str, content: bytes, message: str) -> None:
    (results / name).write_bytes(content)
    status, said = push(store, results, f"s3://{OPEN}/secret", "--upload")
    assert status == 1
    assert f"error: {message}" in said
    assert store.contents("secret/") == {}


@pytest.mark.parametrize(
    ("to", "parts", "user", "message"),
    [
        (f"s3://{OPEN}/refused", (), READER, f"the store refuses s3://{OPEN}/refused/config.yaml (AccessDenied, 403)"),
        (f"s3://{CLOSED}/x", (), READER, f"the store refuses s3://{CLOSED}/x (AccessDenied, 403)"),
        ("s3://no-bucket/x", (), OWNER, "there is no bucket 'no-bucket' (NoSuchBucket, 404)"),
        ("runs/x", (), OWNER, "'runs/x' is no folder in an object store\n  where:  TO\n  change: write s3://"),
        (
            f"s3://{OPEN}/x",
            ("aligned",),
            OWNER,
            "unknown part 'aligned'\n  where:  PARTS\n  change: name some",
        ),
        (f"s3://{OPEN}/x", ("merged",), OWNER, "there is nothing of merged to send"),
    ],
)
def test_what_cannot_be_sent_is_told(
    store: Store, results: Path, to: str, parts: tuple[str, ...], user: tuple[str, str], message: str
) -> None:
    status, said = push(store, results, to, "--upload", parts=parts, user=user)
    assert status == 1
    assert message in said
