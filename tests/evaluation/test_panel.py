"""The panel: shipped prompts are sound, bad ones are named, replies are measured."""

import random
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from evaluation_samples import GREEDY, MODEL, arguments

from workflow_scripts import evaluate_panel as script
from workflow_scripts.lib import jsonl
from workflow_scripts.lib.errors import UserError
from workflow_scripts.lib.evaluation import answering
from workflow_scripts.lib.evaluation.checks.registry import run_check
from workflow_scripts.lib.evaluation.panel import PanelConfig, check_prompts, evaluate_panel, reply_id
from workflow_scripts.lib.generation import Reply

PANELS = sorted((Path(__file__).resolve().parents[2] / "config" / "panels").glob("*.jsonl"))
ASKED = [{"role": "user", "content": "续写：江上清風起，"}]


def prompt(name: str, **more: Any) -> dict:
    return {"id": name, "theme": "山水", "messages": ASKED, **more}


def config(system_prompt: str | None = None) -> dict:
    return {
        "seed": 42,
        "model": MODEL | {"system_prompt": system_prompt},
        "eval": {
            "generation_batch_size": 3,
            "panel": {"enabled": True, "prompts": "config/panels/tang.jsonl", "max_new_tokens": 12},
        },
        "generation": GREEDY,
    }


def test_panels_are_shipped() -> None:
    assert {path.stem for path in PANELS} >= {"general", "tang"}


@pytest.mark.parametrize("path", PANELS, ids=lambda path: path.stem)
def test_shipped_prompts(path: Path) -> None:
    prompts = list(jsonl.read_rows(path))
    check_prompts(prompts, path.name)
    assert 20 <= len(prompts) <= 30
    assert len({found["messages"][0]["content"] for found in prompts}) == len(prompts)
    assert all(set(found) <= {"id", "theme", "messages", "check", "language"} for found in prompts)
    assert all(found["messages"][-1]["role"] == "user" for found in prompts)


def test_the_openings_of_tang_are_couplets_of_the_form_asked_for() -> None:
    (path,) = [path for path in PANELS if path.stem == "tang"]
    for found in jsonl.read_rows(path):
        text = found["messages"][0]["content"]
        couplet = next(text[start : start + 12] for start in range(len(text)) if text[start + 5 : start + 6] == "，")
        assert run_check(found["check"], couplet, found["id"]) is None


def test_general_asks_about_many_things() -> None:
    (path,) = [path for path in PANELS if path.stem == "general"]
    themes = Counter(found["theme"] for found in jsonl.read_rows(path))
    assert {"知识", "写作", "推理", "数学", "格式", "安全"} <= set(themes)
    assert max(themes.values()) <= 4


@pytest.mark.parametrize(
    ("prompts", "what", "where"),
    [
        ([], "no prompts", "p.jsonl"),
        ([prompt("a"), {"id": "b", "theme": "t"}], "the prompt has no 'messages'", "p.jsonl, line 2"),
        ([{"id": "b", "messages": ASKED}], "the prompt has no 'theme'", "p.jsonl, line 1"),
        ([prompt("a"), prompt("a")], "id 'a' comes twice", "p.jsonl, line 2"),
        ([prompt("a", check="sonnet")], "unknown check 'sonnet'", "p.jsonl, line 1"),
        ([prompt("a", language="fr")], "unknown language 'fr'", "p.jsonl, line 1"),
    ],
)
def test_bad_prompts(prompts: list[dict], what: str, where: str) -> None:
    with pytest.raises(UserError) as caught:
        check_prompts(prompts, "p.jsonl")
    assert (caught.value.what, caught.value.where) == (what, where)


def test_measures_by_hand(monkeypatch: pytest.MonkeyPatch) -> None:
    replies = [Reply("山空猨屢嘯，林靜鶴頻驚。", 30, True), Reply("aaaaaa", 6, False), Reply("山ab水", 4, True)]
    monkeypatch.setattr(answering, "generate", lambda *_: replies)
    prompts = [prompt("1", check="quatrain5"), prompt("2", check="quatrain5"), prompt("3")]
    found = evaluate_panel(None, None, prompts, PanelConfig.model_validate(config()), "p.jsonl")
    first, second, third = found["samples"]
    assert (first["passed"], first["fault"], first["characters"], first["han_ratio"]) == (True, None, 12, 1.0)
    assert (second["passed"], second["fault"]) == (False, "foreign script")
    assert second["repetition"] == pytest.approx(1 - 1 / 3, abs=1e-6)
    assert third["han_ratio"] == 0.5 and "passed" not in third
    assert (found["prompts"], found["checked"], found["passed"], found["distinct"]) == (3, 2, 0.5, 1.0)
    assert found["tokens"] == pytest.approx(40 / 3, abs=1e-3)
    assert found["stopped"] == pytest.approx(2 / 3, abs=1e-6)


@pytest.mark.parametrize(
    ("reply", "more", "language", "in_language", "failure"),
    [
        ("山空猨屢嘯，林靜鶴頻驚。", {}, "zh", True, "none"),
        ("The river is far away.", {}, "en", False, "off_topic"),
        ("The river is far away.", {"language": "en"}, "en", True, "none"),
        ("The river is far away.", {"language": "any"}, "en", True, "none"),
        ("江は青い", {}, "other", False, "off_topic"),
        ("100", {}, "any", True, "none"),
        ("100", {"check": "contains:101"}, "any", True, "factual_error"),
    ],
)
def test_language_is_that_of_the_prompt_or_the_one_it_asks_for(
    monkeypatch: pytest.MonkeyPatch, reply: str, more: dict, language: str, in_language: bool, failure: str
) -> None:
    monkeypatch.setattr(answering, "generate", lambda *_: [Reply(reply, 9, True)])
    asked = [{"role": "user", "content": "江上清風起，山空猨屢嘯"}]
    prompts = [prompt("1", messages=asked, **more)]
    found = evaluate_panel(None, None, prompts, PanelConfig.model_validate(config()), "p.jsonl")
    (sample,) = found["samples"]
    assert (sample["language"], sample["in_language"], sample["failure"]) == (language, in_language, failure)
    assert (found["in_language"], found["failures"]) == (float(in_language), {failure: 1})


def test_format_checks_are_summed_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    replies = [Reply('{"a": 1}', 9, True), Reply("江上清風", 9, True), Reply("江上清風", 9, True)]
    monkeypatch.setattr(answering, "generate", lambda *_: replies)
    checks = ("json", "list:2", "contains:江")
    prompts = [prompt(check, check=check, language="any") for check in checks]
    found = evaluate_panel(None, None, prompts, PanelConfig.model_validate(config()), "p.jsonl")
    assert (found["checked"], found["format_checked"], found["format_passed"]) == (3, 2, 0.5)
    assert found["passed"] == pytest.approx(2 / 3, abs=1e-6)
    assert found["failures"] == {"none": 2, "format": 1}


def test_the_id_of_a_reply_is_its_own() -> None:
    """People's scores are kept under it: a literal, so that no edit of the code can lose them."""
    assert reply_id(ASKED, "山") == "bafe5411e6fede6c2fe39ae6a2b96a86bc3cbeecc8038c306ac78ac5836de707"
    others = [
        reply_id(ASKED, "水"),
        reply_id([{"role": "system", "content": "x"}, *ASKED], "山"),
        reply_id([{"role": "user", "content": "续写：江上清風起"}], "，山"),
    ]
    assert len({*others, reply_id(ASKED, "山")}) == 4


@pytest.mark.parametrize("system_prompt", [None, "你是唐代诗人。"])
def test_the_script(byte_model: Path, tmp_path: Path, system_prompt: str | None) -> None:
    prompts = [prompt(str(number), check="quatrain5") for number in range(5)]
    for number, asked in enumerate(prompts):
        draw = "".join(random.Random(number).sample("天地玄黃宇宙", 3))
        asked["messages"] = [{"role": "user", "content": draw}]
    file, results = tmp_path / "panel.jsonl", [tmp_path / "1.json", tmp_path / "2.json"]
    jsonl.write_rows(file, prompts)
    for result in results:
        script.main(arguments(config=config(system_prompt), base=byte_model, prompts=file, result=result))
    assert results[0].read_bytes() == results[1].read_bytes()
    found = jsonl.read_json(results[0])
    assert [sample["id"] for sample in found["samples"]] == ["0", "1", "2", "3", "4"]
    assert [sample["messages"] for sample in found["samples"]] == [asked["messages"] for asked in prompts]
    asked = [{"role": "system", "content": system_prompt}] if system_prompt else []
    assert found["samples"][0]["reply_id"] == reply_id(asked + prompts[0]["messages"], found["samples"][0]["reply"])


def test_the_script_names_a_bad_prompt_before_it_loads_a_model(tmp_path: Path) -> None:
    file = tmp_path / "panel.jsonl"
    jsonl.write_rows(file, [prompt("a", check="sonnet")])
    with pytest.raises(UserError, match="unknown check 'sonnet'"):
        script.main(arguments(config=config(), base=tmp_path / "none", prompts=file, result=tmp_path / "r.json"))
