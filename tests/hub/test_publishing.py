"""Publishing to a hub with the true client: what is shown, what is sent, and what never is."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from hub.acquiring import OTHER_TOKEN, REPOSITORY, TOKEN
from hub.hub import Hub
from workflow_scripts.lib import jsonl
from workflow_scripts.lib.export.exposed import exposures
from workflow_scripts.lib.provenance import records
from workflow_scripts.lib.provenance.records import Record

WEIGHTS = b"\x02\x00\x00\x00\x00\x00\x00\x00{}" + bytes(range(256)) * 8
CARD = "---\nlicense: apache-2.0\nlanguage: [zh]\npipeline_tag: text-generation\nlibrary_name: peft\n---\n# 推敲\n"
FILES = {
    "README.md": CARD,
    "adapter_config.json": '{"base_model_name_or_path": "hf://HuggingFaceTB/SmolLM2-135M-Instruct"}',
    "adapter_model.safetensors": WEIGHTS,
    "chat_template.jinja": "{{ messages }}",
    "tokenizer.json": '{"vocab": {"/home/user/a": 1}}',
}
LICENCES = {"publishable": "yes", "reasons": [{"source": "poems", "en": "name the authors and the licence"}]}


@pytest.fixture
def results(tmp_path: Path) -> Path:
    folder = tmp_path / "results"
    write(folder, FILES | {"timing.json": "{}"})
    jsonl.write_json(folder / "data" / "card.json", {"licences": LICENCES})
    return folder


def write(results: Path, files: dict[str, str | bytes]) -> None:
    for name, content in files.items():
        path = results / "models" / "align" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())


def publish(hub: Hub, results: Path, *more: str, token: str | None = TOKEN) -> tuple[int, str]:
    command = [sys.executable, "-m", "workflow_scripts.publish", "--results", str(results), "--stage", "align"]
    environment = {name: value for name, value in os.environ.items() if not name.startswith("HF_")}
    environment |= hub.environment(results.parent / "home", token)
    run = subprocess.run(
        [*command, *(more if "--repo" in more else ("--repo", "poet/tuiqiao-poems", *more))],
        cwd=REPOSITORY,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert "Traceback" not in run.stderr, run.stderr
    assert TOKEN not in run.stdout + run.stderr
    return run.returncode, run.stdout + run.stderr


def test_without_upload_it_is_only_shown(hub, results):
    status, said = publish(hub, results)
    assert status == 0, said
    assert f"align → {hub.endpoint}/poet/tuiqiao-poems\n  README.md  {len(CARD.encode())} B\n" in said
    assert "Publishable: yes\n  poems: name the authors and the licence\nnothing was sent" in said
    assert hub.requests == []


def test_upload_makes_a_private_repository_of_one_commit(hub, results):
    hub.writers.add(TOKEN)
    status, said = publish(hub, results, "--upload")
    assert status == 0, said
    repository = hub.find("models", "poet/tuiqiao-poems")
    commit = repository.refs["main"]
    assert f"published: {hub.endpoint}/poet/tuiqiao-poems/commit/{commit}\n" in said
    assert repository.private
    found = {name: file.content for name, file in repository.commits[commit].items()}
    assert found == {name: text if isinstance(text, bytes) else text.encode() for name, text in FILES.items()}
    assert list(hub.sent.values()) == [WEIGHTS]  # the weights went beside git
    status, said = publish(hub, results, "--upload")  # a second time into the same repository
    assert status == 0, said


def test_a_token_that_may_not_write_is_told_so(hub, results):
    status, said = publish(hub, results, "--upload", token=OTHER_TOKEN)
    assert status == 1
    assert "error: the hub refuses (403)" in said
    assert "set HF_TOKEN to a token that may write there" in said


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ({"training_args.bin": b"\x80\x04"}, "training_args.bin may hold a pickle"),
        ({"README.md": CARD + f"\n{TOKEN}\n"}, "README.md holds an access token"),
        ({"adapter_config.json": '{"from": "/home/poet/models/base"}'}, "adapter_config.json holds a path of this"),
        ({"README.md": "# no front matter"}, "the card does not say license, language"),
        ({"README.md": "---\nlicense: [\n---\n"}, "the hub would not read the card"),
    ],
)
def test_what_should_not_be_read_by_others_stops_it(hub, results, files, message):
    write(results, files)
    status, said = publish(hub, results, "--upload")
    assert status == 1
    assert message in said
    assert hub.requests == []


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ('{"from": "/srv/poet/models/base"}', True),
        ('{"from": "/srv/poet"}', True),
        ('{"from": "/srv/poets"}', False),
        ('{"from": "https://hub.example/srv/poet"}', False),
    ],
)
def test_a_folder_of_this_machine_is_found_wherever_the_machine_has_it(tmp_path, text, found):
    (tmp_path / "adapter_config.json").write_text(text, encoding="utf-8")
    told = list(exposures([tmp_path / "adapter_config.json"], [], [Path("/srv/poet"), Path("/")]))
    assert told == ["adapter_config.json holds a path of this machine: /srv/poet"] * found


def test_a_card_of_an_earlier_model_stops_it(hub, results, monkeypatch):
    monkeypatch.chdir(results.parent)
    jsonl.write_json(results / "eval" / "report.json", {})
    names = [
        "results/models/align/adapter_model.safetensors",
        "results/eval/report.json",
        "results/models/align/README.md",
    ]
    for step, given, made in zip(
        ("train_align", "write_report", "write_model_card"), [None, *names], names, strict=False
    ):
        digests = {path: records.file_digest(Path(path)) for path in (given, made) if path}
        inputs = {path: digests[path] for path in digests if path == given}
        record = Record(step, "k", [], "c", {}, {}, inputs, {made: digests[made]}, 1.0)
        records.write(records.record_path([made]), record)
    status, said = publish(hub, results)
    assert status == 0, said
    write(results, {"adapter_model.safetensors": WEIGHTS + b"2"})
    status, said = publish(hub, results, "--upload")
    assert status == 1
    assert "the card was written before results/models/align/adapter_model.safetensors became what it is now" in said
    assert hub.requests == []


def test_a_licence_that_forbids_it_stops_it(hub, results):
    reasons = [{"source": "web", "en": "licence unknown: without a licence nothing may be published"}]
    jsonl.write_json(results / "data" / "card.json", {"licences": {"publishable": "no", "reasons": reasons}})
    status, said = publish(hub, results, "--upload")
    assert status == 1
    assert "the licences of the data do not allow it\n  where:  web: licence unknown" in said


def test_a_name_without_owner_is_refused(hub, results):
    status, said = publish(hub, results, "--repo", "poems")
    assert (status, "'poems' has no owner" in said) == (1, True)
