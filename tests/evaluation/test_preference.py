"""Preference accuracy: log-probabilities of a plain loop, judged by mean and by sum."""

from pathlib import Path
from typing import Any

import pytest
from evaluation_samples import MODEL, arguments, nats_and_tokens

from workflow_scripts import evaluate_preference as script
from workflow_scripts.lib import jsonl
from workflow_scripts.lib.chat_template import with_system_prompt
from workflow_scripts.lib.evaluation import shared_context
from workflow_scripts.lib.evaluation.preference import PreferenceConfig, encode_pair, evaluate_preference, summarize


def config(**changes: Any) -> dict:
    values = {"max_length": 512, "batch_size": 4, "max_rows": None, "system_prompt": None} | changes
    return {
        "model": MODEL | {"system_prompt": values["system_prompt"]},
        "eval": {
            "batch_size": values["batch_size"],
            "preference": {"enabled": True, "max_rows": values["max_rows"]},
        },
        "max_length": values["max_length"],
    }


def evaluate(model: Any, tokenizer: Any, pairs: list[dict], **changes: Any) -> dict:
    return evaluate_preference(model, tokenizer, pairs, PreferenceConfig.model_validate(config(**changes)))


@pytest.mark.parametrize("system_prompt", [None, "你是唐代诗人。"])
@pytest.mark.parametrize("shares", [True, False])
def test_log_probs_are_those_of_a_plain_loop(
    model: Any,
    tokenizer: Any,
    pairs: list[dict],
    system_prompt: str | None,
    shares: bool,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(shared_context, "supported", lambda _: shares)
    found = evaluate(model, tokenizer, pairs, system_prompt=system_prompt)
    assert [sample["id"] for sample in found["samples"]] == [pair["id"] for pair in pairs]
    for pair, sample in zip(pairs, found["samples"], strict=True):
        for side in ("chosen", "rejected"):
            nats, tokens = nats_and_tokens(
                model, tokenizer, with_system_prompt(pair["prompt"] + pair[side], system_prompt)
            )
            assert sample[f"{side}_logp"] == pytest.approx(-nats, abs=1e-3)
            assert sample[f"{side}_tokens"] == tokens


def test_earlier_turns_of_the_assistant_are_prompt(model: Any, tokenizer: Any) -> None:
    turns = [("user", "一"), ("assistant", "天地"), ("user", "二")]
    pair = {
        "id": "p",
        "prompt": [{"role": role, "content": content} for role, content in turns],
        "chosen": [{"role": "assistant", "content": "玄"}],
        "rejected": [{"role": "assistant", "content": "黃宇"}],
    }
    (sample,) = evaluate(model, tokenizer, [pair])["samples"]
    assert (sample["chosen_tokens"], sample["rejected_tokens"]) == (3 + 1, 6 + 1)


def test_what_both_sides_share_stops_before_the_completion(tokenizer: Any, pairs: list[dict]) -> None:
    for row in pairs:
        pair = encode_pair(tokenizer, row, None)
        shared = pair.chosen.input_ids[: pair.shared]
        assert shared == pair.rejected.input_ids[: pair.shared]
        assert pair.shared == pair.chosen.start - 1 == pair.rejected.start - 1


def test_long_pairs_are_counted_and_left_out(model: Any, tokenizer: Any, pairs: list[dict]) -> None:
    limit = len(encode_pair(tokenizer, pairs[0], None).rejected.input_ids)
    found = evaluate(model, tokenizer, pairs, max_length=limit)
    longer = [
        pair["id"]
        for pair in pairs
        for both in [encode_pair(tokenizer, pair, None)]
        if max(len(both.chosen.input_ids), len(both.rejected.input_ids)) > limit
    ]
    assert longer and found["over_length_ids"] == longer
    assert found["pairs"] == len(found["samples"]) == len(pairs) - len(longer)


@pytest.mark.parametrize("batch_size", [1, 3, 50])
def test_the_batch_size_changes_nothing(model: Any, tokenizer: Any, pairs: list[dict], batch_size: int) -> None:
    found, reference = (
        [sample["margin"] for sample in evaluate(model, tokenizer, pairs, batch_size=size)["samples"]]
        for size in (batch_size, 4)
    )
    assert found == pytest.approx(reference, abs=1e-4)


def sample(chosen: float, rejected: float, chosen_tokens: int, rejected_tokens: int, **more: str) -> dict:
    margin = chosen / chosen_tokens - rejected / rejected_tokens
    return {
        "chosen_tokens": chosen_tokens,
        "rejected_tokens": rejected_tokens,
        "correct": margin > 0,
        "correct_by_sum": chosen > rejected,
        "margin": margin,
        **more,
    }


def test_summary_by_hand() -> None:
    samples = [
        sample(-10, -12, 10, 10),  # right both ways
        sample(-20, -12, 20, 10),  # longer and likelier a token: right by mean, wrong by sum
        sample(-9, -10, 5, 10, contrast="other_form"),  # shorter: wrong by mean, right by sum
        sample(-6, -12, 6, 10),  # shorter: right both ways
    ]
    assert summarize(samples) == {
        "accuracy": 0.75,
        "accuracy_by_sum": 0.75,
        "margin": pytest.approx((0.2 + 0.2 - 0.8 + 0.2) / 4),
        "pairs": 4,
        "groups": {
            "chosen_longer": {"accuracy": 1.0, "accuracy_by_sum": 0.0, "pairs": 1},
            "chosen_shorter": {"accuracy": 0.5, "accuracy_by_sum": 1.0, "pairs": 2},
            "contrast_other_form": {"accuracy": 0.0, "accuracy_by_sum": 1.0, "pairs": 1},
            "same_length": {"accuracy": 1.0, "accuracy_by_sum": 1.0, "pairs": 1},
        },
    }


def test_nothing_to_summarize() -> None:
    assert summarize([]) == {"pairs": 0, "groups": {}}


def test_the_script(byte_model: Path, pairs: list[dict], tmp_path: Path) -> None:
    jsonl.write_rows(tmp_path / "pairs.jsonl", pairs)
    files = {"pairs": tmp_path / "pairs.jsonl", "result": tmp_path / "result.json"}
    script.main(arguments(config=config(max_rows=5), base=byte_model, **files))
    result = jsonl.read_json(tmp_path / "result.json")
    assert [sample["id"] for sample in result["samples"]] == [f"pairs/{number}" for number in range(5)]
    assert result["accuracy"] == sum(sample["correct"] for sample in result["samples"]) / 5
    assert result["settings"]["max_rows"] == 5
