"""Settings of generation compared: figures by hand, and what the report makes of them."""

import itertools
from pathlib import Path
from typing import Any

import pytest
from evaluation_samples import GREEDY, MODEL, arguments

from workflow_scripts import evaluate_decoding as script
from workflow_scripts.lib import jsonl
from workflow_scripts.lib.evaluation import answering
from workflow_scripts.lib.evaluation.decoding import DecodingConfig, distinct_pairs, evaluate_decoding
from workflow_scripts.lib.generation import Reply
from workflow_scripts.lib.reporting.report_metrics import Resampling, all_metrics
from workflow_scripts.lib.reporting.report_words import name_of

FREE = GREEDY | {"do_sample": True, "temperature": 2.0}
RIGHT, OTHER = "山空猨屢嘯，林靜鶴頻驚。", "江江江江江"


def config(**settings: dict) -> dict:
    wanted = {"enabled": True, "max_rows": 2, "num_replies": 2, "max_new_tokens": 6}
    return {
        "seed": 42,
        "model": MODEL,
        "eval": {"generation_batch_size": 3, "decoding": wanted | {"settings": settings}},
    }


@pytest.mark.parametrize(
    ("texts", "expected"), [(["abab"], 2 / 3), (["ab", "ab"], 0.5), (["ab", "cd"], 1.0), (["a"], 0.0), ([], 0.0)]
)
def test_distinct_pairs_by_hand(texts: list[str], expected: float) -> None:
    assert distinct_pairs(texts) == pytest.approx(expected)


def test_figures_by_hand(monkeypatch: pytest.MonkeyPatch, poems: list[dict]) -> None:
    said = {"free": itertools.cycle([RIGHT, OTHER]), "careful": itertools.cycle([RIGHT])}

    def generate(_m: Any, _t: Any, asked: list, settings: Any, _n: int) -> list[Reply]:
        texts = said["free" if settings.do_sample else "careful"]
        return [Reply(next(texts), 5, True) for _ in asked]

    monkeypatch.setattr(answering, "generate", generate)
    found = evaluate_decoding(None, None, poems, DecodingConfig.model_validate(config(careful=GREEDY, free=FREE)))
    assert [sample["id"] for sample in found["samples"]] == ["poems/0", "poems/1"]
    assert found["samples"][0]["replies"] == {"careful": [RIGHT, RIGHT], "free": [RIGHT, OTHER]}
    assert found["figures"] == {
        "careful_distinct": 0.5,
        "careful_form": 1.0,
        "careful_repetition": 0.0,
        "free_distinct": 0.8,  # 11 pairs, and one four times
        "free_form": 0.5,
        "free_repetition": 0.25,  # of two 4-grams one is new
    }
    metrics = {metric.name: metric for metric in all_metrics({"decoding": {"sft": found}}, Resampling(100, 42))}
    assert metrics["decoding_free_repetition"].lower_is_better
    assert metrics["decoding_free_distinct"].stages["sft"].value == 0.8
    assert name_of("decoding_free_form") == {"en": "Correct form (free)", "zh": "形式合格率 (free)"}


def test_the_script_answers_each_prompt_several_times(byte_model: Path, poems: list[dict], tmp_path: Path) -> None:
    jsonl.write_rows(tmp_path / "rows.jsonl", poems)
    flags = {"config": config(careful=GREEDY, free=FREE), "base": byte_model, "rows": tmp_path / "rows.jsonl"}
    script.main(arguments(**flags, result=tmp_path / "result.json"))
    found = jsonl.read_json(tmp_path / "result.json")
    replies = [sample["replies"] for sample in found["samples"]]
    assert [{name: len(texts) for name, texts in each.items()} for each in replies] == [{"careful": 2, "free": 2}] * 2
    assert all(first == second for each in replies for first, second in [each["careful"]])
    assert any(first != second for each in replies for first, second in [each["free"]])
