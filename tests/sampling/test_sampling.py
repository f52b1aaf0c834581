"""Replies of the tiny model: the same in any batches, in any order of work, and after any interruption."""

import json
import logging
from pathlib import Path
from typing import Any

import pytest
import tiny
import torch

from workflow_scripts import sample_replies as script
from workflow_scripts.lib import generation, jsonl
from workflow_scripts.lib.errors import UserError
from workflow_scripts.lib.generation import Reply
from workflow_scripts.lib.sampling import hf_engine, registry
from workflow_scripts.lib.sampling.hf_engine import HfEngine
from workflow_scripts.lib.sampling.jobs import Job, Prompt, batches
from workflow_scripts.lib.sampling.kept_replies import KeptReplies
from workflow_scripts.lib.sampling.sampling import SamplingConfig, sample

DRAWING = {
    "num_samples": 3,
    "temperature": 0.8,
    "top_p": 0.95,
    "max_new_tokens": 12,
    "batch_size": 4,
    "engine": "hf",
}


def config(**changes: Any) -> dict:
    return {"seed": 42, "model": tiny.section("model", system_prompt="数数。"), "sampling": DRAWING | changes}


def sampled(base: Path, rows: list[dict], folder: Path, **changes: Any) -> list[dict]:
    given = SamplingConfig.model_validate(config(**changes))
    folder.mkdir(exist_ok=True)
    return list(sample(rows, HfEngine(base, given), given, KeptReplies(folder / "replies.jsonl")))


def arguments(**values: Any) -> list[str]:
    texts = {name: json.dumps(value) if name == "config" else str(value) for name, value in values.items()}
    return [word for name, text in texts.items() for word in (f"--{name}", text)]


@pytest.fixture
def replies(base: Path, rows: list[dict], tmp_path: Path) -> list[dict]:
    return sampled(base, rows, tmp_path / "first")


def test_each_row_has_its_replies_in_order(replies: list[dict], rows: list[dict]) -> None:
    assert [row["id"] for row in replies] == [row["id"] for row in rows]
    assert all(len(row["replies"]) == 3 for row in replies)
    texts = [reply["text"] for row in replies for reply in row["replies"]]
    assert len(set(texts)) == len(texts)  # each has numbers of its own
    assert {reply["stopped"] for row in replies for reply in row["replies"]} == {False}
    assert all(reply["tokens"] == 12 for row in replies for reply in row["replies"])


@pytest.mark.parametrize("batch_size", [1, 2, 5, 21, 1000])
def test_replies_do_not_depend_on_the_batches(
    base: Path, rows: list[dict], replies: list[dict], tmp_path: Path, batch_size: int
) -> None:
    assert sampled(base, rows, tmp_path / "second", batch_size=batch_size) == replies


def test_replies_depend_on_nothing_but_their_row(
    base: Path, rows: list[dict], replies: list[dict], tmp_path: Path
) -> None:
    fewer = sampled(base, rows[::-2], tmp_path / "second", num_samples=2)
    assert fewer == [{**row, "replies": row["replies"][:2]} for row in replies[::-2]]


def test_the_first_choice_is_that_of_plain_sampling(base: Path, rows: list[dict], tmp_path: Path) -> None:
    """With a temperature near 0 only the likeliest token is left: what greedy generation gives."""
    (cold,) = sampled(base, rows[:1], tmp_path / "cold", temperature=1e-4, num_samples=1)
    engine = HfEngine(base, SamplingConfig.model_validate(config()))
    asked = [{"role": "system", "content": "数数。"}, rows[0]["messages"][0]]
    prompt = engine.tokenizer.apply_chat_template(asked, add_generation_prompt=True, return_dict=True)["input_ids"]
    (greedy,) = generation.write(engine._model, engine.tokenizer, [prompt], 12, do_sample=False)
    assert cold["replies"] == [{"text": greedy.text, "tokens": 12, "stopped": False}]


def test_a_reply_ends_where_the_model_ends_its_turn(base: Path, tmp_path: Path, rows: list[dict]) -> None:
    engine = HfEngine(base, SamplingConfig.model_validate(config(max_new_tokens=400, temperature=5.0)))
    prompt = Prompt("s/f.json#0", [5, 6, 7])
    written = engine.write([Job(prompt, number) for number in range(4)])
    stopped = [reply for reply in written if reply.stopped]
    assert stopped and all(reply.tokens < 400 for reply in stopped)
    assert not any("<|im_end|>" in reply.text for reply in written)


@pytest.mark.parametrize("cut", ["batch", "line", "start"])
def test_an_interrupted_run_goes_on(
    base: Path, rows: list[dict], replies: list[dict], tmp_path: Path, cut: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "cut"
    folder.mkdir()
    whole = (tmp_path / "first" / "replies.jsonl").read_bytes()
    lines = whole.splitlines(keepends=True)
    assert len(lines) == 21
    kept = {"batch": b"".join(lines[:8]), "line": b"".join(lines[:9]) + lines[9][:20], "start": lines[0][:1]}[cut]
    (folder / "replies.jsonl").write_bytes(kept)
    asked: list[int] = []
    honest = HfEngine.write
    monkeypatch.setattr(HfEngine, "write", lambda self, jobs: asked.append(len(jobs)) or honest(self, jobs))
    assert sampled(base, rows, folder) == replies
    assert sum(asked) == {"batch": 13, "line": 13, "start": 21}[cut]  # batches that were cut are written whole again
    asked.clear()
    assert sampled(base, rows, folder) == replies
    assert asked == []


def test_a_run_that_dies_between_two_batches_keeps_what_it_wrote(
    base: Path, rows: list[dict], replies: list[dict], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    honest, left = HfEngine.write, [2]

    def dying(self: HfEngine, jobs: list[Job]) -> list[Reply]:
        if not left[0]:
            raise KeyboardInterrupt
        left[0] -= 1
        return honest(self, jobs)

    with monkeypatch.context() as patched, pytest.raises(KeyboardInterrupt):
        patched.setattr(HfEngine, "write", dying)
        sampled(base, rows, tmp_path / "dead")
    assert len((tmp_path / "dead" / "replies.jsonl").read_bytes().splitlines()) == 8
    assert sampled(base, rows, tmp_path / "dead") == replies


def test_batches_hold_prompts_of_like_length() -> None:
    prompts = [Prompt(name, [0] * length) for name, length in (("c", 3), ("a", 9), ("b", 3))]
    found = [[job.key for job in batch] for batch in batches(prompts, 2, 4)]
    assert found == [[("b", 0), ("b", 1), ("c", 0), ("c", 1)], [("a", 0), ("a", 1)]]


def test_a_prompt_that_leaves_no_room_is_named(base: Path, rows: list[dict], tmp_path: Path) -> None:
    rows[2]["messages"][0]["content"] = "长" * 700  # 2,100 tokens; the model reads 2,048
    found = sampled(base, rows[1:4], tmp_path / "long")
    assert [(len(row["replies"]), row.get("fault")) for row in found] == [(3, None), (0, "prompt_too_long"), (3, None)]


def test_progress_is_told(base: Path, rows: list[dict], tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO):
        sampled(base, rows, tmp_path / "told")
    lines = [record.getMessage() for record in caplog.records if record.getMessage().startswith("sampling")]
    assert lines[0] == "sampling: 0 of 21 replies are there already"
    assert lines[-1].startswith("sampling: 21 of 21 replies, ") and lines[-1].endswith(" replies/s, 0 min left")


def test_the_script(base: Path, rows: list[dict], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    files = {name: tmp_path / f"{name}.jsonl" for name in ("train", "validation")}
    jsonl.write_rows(files["train"], rows[:5])
    jsonl.write_rows(files["validation"], rows[5:])
    given = {**files, "config": config(), "base": base, "checkpoints": tmp_path / "checkpoints"}
    script.main(arguments(**given, code="0" * 16, replies=tmp_path / "1.jsonl"))
    found = list(jsonl.read_rows(tmp_path / "1.jsonl"))
    assert [row["id"] for row in found] == [row["id"] for row in rows]
    assert found == sampled(base, rows, tmp_path / "again")

    monkeypatch.setattr(hf_engine, "write", None)  # nothing is written again
    script.main(arguments(**given, code="0" * 16, replies=tmp_path / "2.jsonl"))
    assert (tmp_path / "2.jsonl").read_bytes() == (tmp_path / "1.jsonl").read_bytes()
    with pytest.raises(TypeError):  # other code: from the start
        script.main(arguments(**given, code="1" * 16, replies=tmp_path / "3.jsonl"))


def test_out_of_memory_names_the_key(base: Path, rows: list[dict], tmp_path: Path, monkeypatch: Any) -> None:
    def full(*_: Any, **__: Any) -> None:
        raise torch.OutOfMemoryError

    monkeypatch.setattr(hf_engine, "write", full)
    with pytest.raises(UserError, match="out of memory with 4 replies of up to 12 tokens at a time") as raised:
        sampled(base, rows, tmp_path / "full")
    assert raised.value.where == "sampling.batch_size"


def test_vllm_is_asked_for_by_name_and_missing(base: Path) -> None:
    given = SamplingConfig.model_validate(config(engine="vllm"))
    with pytest.raises(UserError) as raised:
        registry.select("vllm").load(base, given)
    assert str(raised.value) == (
        "vLLM is not installed\n  where:  sampling.engine\n  change: install it where the jobs run (python -m pip "
        "install vllm; it wants a GPU, and pins a torch of its own), or set sampling.engine: hf"
    )
