"""Perplexity is that of a plain loop; long rows are counted, never cut."""

import math
from pathlib import Path
from typing import Any

import pytest
from evaluation_samples import MODEL, arguments, nats_and_tokens

from workflow_scripts import evaluate_perplexity as script
from workflow_scripts.lib import jsonl
from workflow_scripts.lib.chat_template import encode_dialogue, with_system_prompt
from workflow_scripts.lib.evaluation.perplexity import PerplexityConfig, evaluate_perplexity


def config(**changes: Any) -> dict:
    values = {"max_length": 512, "batch_size": 4, "max_rows": None, "system_prompt": None} | changes
    return {
        "model": MODEL | {"system_prompt": values["system_prompt"]},
        "eval": {
            "batch_size": values["batch_size"],
            "perplexity": {"enabled": True, "max_rows": values["max_rows"]},
        },
        "max_length": values["max_length"],
    }


@pytest.mark.parametrize("system_prompt", [None, "你是唐代诗人。"])
def test_it_is_that_of_a_plain_loop(model: Any, tokenizer: Any, poems: list[dict], system_prompt: str | None) -> None:
    found = evaluate_perplexity(
        model, tokenizer, poems, PerplexityConfig.model_validate(config(system_prompt=system_prompt))
    )
    wanted = [nats_and_tokens(model, tokenizer, with_system_prompt(row["messages"], system_prompt)) for row in poems]
    nats, tokens = sum(nats for nats, _ in wanted), sum(tokens for _, tokens in wanted)
    assert [sample["id"] for sample in found["samples"]] == [row["id"] for row in poems]
    assert [sample["nats"] for sample in found["samples"]] == pytest.approx([n for n, _ in wanted], abs=1e-3)
    assert (found["tokens"], found["characters"], found["rows"]) == (tokens, 12 * 14, 14)
    assert found["perplexity"] == pytest.approx(math.exp(nats / tokens), rel=1e-4)
    assert found["nats_per_character"] == pytest.approx(nats / (12 * 14), rel=1e-4)


@pytest.mark.parametrize("batch_size", [1, 3, 100])
def test_the_batch_size_changes_nothing(model: Any, tokenizer: Any, poems: list[dict], batch_size: int) -> None:
    found, reference = (
        evaluate_perplexity(model, tokenizer, poems, PerplexityConfig.model_validate(config(batch_size=size)))
        for size in (batch_size, 4)
    )
    assert [s["nats"] for s in found["samples"]] == pytest.approx([s["nats"] for s in reference["samples"]], abs=1e-3)


def test_sources_add_up_to_the_whole(model: Any, tokenizer: Any, poems: list[dict]) -> None:
    found = evaluate_perplexity(model, tokenizer, poems, PerplexityConfig.model_validate(config()))
    assert list(found["by_source"]) == ["song", "tang"] and list(found["by_lang"]) == ["zh"]
    assert found["by_source"]["song"]["rows"] == 5
    assert sum(part["tokens"] for part in found["by_source"].values()) == found["tokens"]
    nats = sum(part["nats_per_token"] * part["tokens"] for part in found["by_source"].values())
    assert nats / found["tokens"] == pytest.approx(found["nats_per_token"], abs=1e-5)


def test_long_rows_are_counted_and_left_out(model: Any, tokenizer: Any, poems: list[dict]) -> None:
    lengths = [len(encode_dialogue(tokenizer, row["messages"]).input_ids) for row in poems]
    limit = min(lengths)
    found = evaluate_perplexity(model, tokenizer, poems, PerplexityConfig.model_validate(config(max_length=limit)))
    too_long = [row["id"] for row, length in zip(poems, lengths, strict=True) if length > limit]
    assert too_long
    assert (found["over_length"], found["over_length_ids"]) == (len(too_long), too_long)
    assert found["rows"] == 14 - len(too_long)
    assert found["tokens"] == sum(s["tokens"] for s in found["samples"] if s["id"] not in too_long)


def test_max_rows_takes_the_first(model: Any, tokenizer: Any, poems: list[dict]) -> None:
    found = evaluate_perplexity(model, tokenizer, poems, PerplexityConfig.model_validate(config(max_rows=3)))
    assert [sample["id"] for sample in found["samples"]] == ["poems/0", "poems/1", "poems/2"]


def test_all_turns_of_the_assistant_count(model: Any, tokenizer: Any) -> None:
    messages = [
        {"role": role, "content": content}
        for role, content in [("user", "一"), ("assistant", "天地"), ("user", "二"), ("assistant", "玄黃宇")]
    ]
    row = {"id": "x", "source": "s", "lang": "zh", "messages": messages}
    found = evaluate_perplexity(model, tokenizer, [row], PerplexityConfig.model_validate(config()))
    assert found["tokens"] == 3 * 5 + 2  # three bytes a character, and two ends of turn
    assert found["characters"] == 5
    nats, _ = nats_and_tokens(model, tokenizer, messages)
    assert found["samples"][0]["nats"] == pytest.approx(nats, abs=1e-3)


def test_nothing_fits(model: Any, tokenizer: Any, poems: list[dict]) -> None:
    found = evaluate_perplexity(model, tokenizer, poems[:2], PerplexityConfig.model_validate(config(max_length=5)))
    assert (found["rows"], found["over_length"], found["samples"]) == (0, 2, [])
    assert "perplexity" not in found


def test_the_script_writes_the_same_bytes_again(
    byte_model: Path, byte_adapter: Path, poems: list[dict], tmp_path: Path
) -> None:
    jsonl.write_rows(tmp_path / "test.jsonl", poems)
    written = []
    for number, adapter in enumerate([None, byte_adapter, byte_adapter]):
        result, rows = tmp_path / f"{number}.json", tmp_path / "test.jsonl"
        script.main(arguments(config=config(), base=byte_model, adapter=adapter, rows=rows, result=result))
        written.append(result.read_bytes())
    assert written[1] == written[2]
    assert jsonl.read_json(tmp_path / "0.json")["perplexity"] != jsonl.read_json(tmp_path / "1.json")["perplexity"]
    assert str(tmp_path).encode() not in written[1]
