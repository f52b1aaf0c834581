"""Share of continuations in form: samples with their faults, and sums worked out by hand."""

import math
from pathlib import Path
from typing import Any

import pytest
from evaluation_samples import GREEDY, MODEL, arguments

from workflow_scripts import evaluate_form as script
from workflow_scripts.lib import jsonl
from workflow_scripts.lib.evaluation import answering
from workflow_scripts.lib.evaluation.form import FormConfig, copies, evaluate_form, summarize
from workflow_scripts.lib.generation import Reply

RIGHT = "山空猨屢嘯，林靜鶴頻驚。"


def config(max_rows: int | None = None) -> dict:
    return {
        "seed": 42,
        "model": MODEL,
        "eval": {"generation_batch_size": 4, "form": {"enabled": True, "max_rows": max_rows, "max_new_tokens": 12}},
        "generation": GREEDY,
    }


@pytest.fixture
def replying(monkeypatch: pytest.MonkeyPatch) -> list[Reply]:
    """Replies that the model gives, in order."""
    replies: list[Reply] = []
    monkeypatch.setattr(answering, "generate", lambda _m, _t, asked, *_: [replies.pop(0) for _ in asked])
    return replies


@pytest.mark.parametrize(
    ("reply", "fault"),
    [
        (Reply(RIGHT, 30, True), None),
        (Reply(RIGHT, 48, False), "not stopped"),
        (Reply("山空猨屢，林靜鶴頻驚。", 27, True), "line length"),
        (Reply("山空猨屢，林靜", 48, False), "not stopped"),
        (Reply("moon moon moon", 48, False), "foreign script"),
        (Reply("", 0, True), "empty"),
    ],
)
def test_the_fault_of_a_reply(replying: list[Reply], poems: list[dict], reply: Reply, fault: str | None) -> None:
    replying.append(reply)
    found = evaluate_form(None, None, poems[:1], FormConfig.model_validate(config()))
    (sample,) = found["samples"]
    assert (sample["fault"], sample["ok"], sample["reply"]) == (fault, fault is None, reply.text)
    assert (sample["id"], sample["prompt"]) == ("poems/0", poems[0]["messages"][0]["content"])
    assert found["faults"] == ({} if fault is None else {fault: 1})


def test_summary_by_hand(replying: list[Reply], poems: list[dict]) -> None:
    replying += [Reply(RIGHT, 30, True)] * 3 + [Reply("江江江江江，江江江江江。", 30, True), Reply("江", 1, True)]
    found = evaluate_form(None, None, poems[:5], FormConfig.model_validate(config()))
    assert (found["form"], found["rows"], found["faults"]) == (0.8, 5, {"line count": 1})
    assert found["stderr"] == pytest.approx(math.sqrt(0.8 * 0.2 / 4))
    assert found["distinct"] == 0.6
    assert found["distinct_characters"] == pytest.approx((3 * 1 + 3 / 12 + 1) / 5)
    assert found["copied"] == 0


def test_a_reply_out_of_the_prompt_is_seen(replying: list[Reply], poems: list[dict]) -> None:
    prompt = poems[0]["messages"][0]["content"]
    replying += [Reply(prompt[-12:], 30, True), Reply(RIGHT, 30, True)]
    found = evaluate_form(None, None, poems[:2], FormConfig.model_validate(config()))
    assert [sample["copied"] for sample in found["samples"]] == [True, False]
    assert found["copied"] == 0.5


@pytest.mark.parametrize(
    ("reply", "wanted"),
    [("江上清風起", True), ("山上清風起", False), ("清風", False), ("", False)],
)
def test_copies_are_four_characters_on_end(reply: str, wanted: bool) -> None:
    assert copies("续写：江上清風明月夜", reply) is wanted


def test_only_rows_with_a_form_are_asked(replying: list[Reply], poems: list[dict]) -> None:
    replying += [Reply(RIGHT, 30, True)] * 2
    rows = [
        {**poems[0], "meta": {}},
        {key: value for key, value in poems[1].items() if key != "meta"},
        {**poems[2], "messages": poems[2]["messages"][:1]},
        *poems[3:],
    ]
    found = evaluate_form(None, None, rows, FormConfig.model_validate(config(max_rows=2)))
    assert [sample["id"] for sample in found["samples"]] == ["poems/3", "poems/4"]


def test_no_row_has_a_form() -> None:
    assert summarize([]) == {"rows": 0, "faults": {}}


def test_the_script(byte_model: Path, byte_adapter: Path, poems: list[dict], tmp_path: Path) -> None:
    rows, results = tmp_path / "test.jsonl", [tmp_path / "1.json", tmp_path / "2.json"]
    jsonl.write_rows(rows, poems)
    for result in results:
        script.main(arguments(config=config(5), base=byte_model, adapter=byte_adapter, rows=rows, result=result))
    found = jsonl.read_json(results[0])
    assert found["rows"] == 5 and found["form"] == 0  # random weights write no verse
    assert results[0].read_bytes() == results[1].read_bytes()
    settings: dict[str, Any] = found["settings"]
    assert (settings["max_new_tokens"], settings["seed"]) == (12, 42)
    assert settings["generation"] == GREEDY
