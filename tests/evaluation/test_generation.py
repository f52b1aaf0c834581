"""Replies are those of a plain loop, stop where the model ends its turn, and follow our settings only."""

from typing import Any

import pytest
import torch
from evaluation_samples import GREEDY
from transformers import GenerationConfig

from workflow_scripts.lib.chat_template import encode_prompt
from workflow_scripts.lib.config.generation import Generation
from workflow_scripts.lib.evaluation.answering import answered
from workflow_scripts.lib.generation import Reply, end_ids, generate

PROMPTS = ["续写：天地玄黃，宇宙洪荒。", "一", "請寫兩句關於雲雨的詩，不要太長。"]


def dialogues(*prompts: str) -> list[list[dict]]:
    return [[{"role": "user", "content": prompt}] for prompt in prompts]


def likeliest(model: Any, tokenizer: Any, prompt: str, count: int) -> list[int]:
    """Take the likeliest token again and again, one row, no cache."""
    ids = encode_prompt(tokenizer, dialogues(prompt)[0])
    start = len(ids)
    for _ in range(count):
        with torch.no_grad():
            ids.append(int(model(input_ids=torch.tensor([ids]), use_cache=False).logits[0, -1].argmax()))
    return ids[start:]


def test_greedy_replies_are_those_of_a_plain_loop(model: Any, tokenizer: Any, greedy: Generation) -> None:
    replies = generate(model, tokenizer, dialogues(*PROMPTS), greedy, 12)
    for prompt, reply in zip(PROMPTS, replies, strict=True):
        ids = likeliest(model, tokenizer, prompt, 12)
        stopped = tokenizer.eos_token_id in ids
        said = ids[: ids.index(tokenizer.eos_token_id)] if stopped else ids
        assert reply == Reply(tokenizer.decode(said, skip_special_tokens=True), len(said), stopped)


def test_neighbours_in_a_batch_do_not_matter(model: Any, tokenizer: Any, greedy: Generation) -> None:
    together = generate(model, tokenizer, dialogues(*PROMPTS), greedy, 10)
    alone = [generate(model, tokenizer, dialogues(prompt), greedy, 10)[0] for prompt in PROMPTS]
    assert together == alone


def test_replies_that_do_not_fit_together_are_written_in_smaller_batches(
    model: Any, tokenizer: Any, greedy: Generation, monkeypatch: pytest.MonkeyPatch
) -> None:
    base = model.get_base_model() if hasattr(model, "get_base_model") else model
    forward, sizes = base.forward, []

    def small(*args: Any, **kwargs: Any) -> Any:
        sizes.append(len(kwargs["input_ids"]))
        if sizes[-1] > 2:
            raise torch.OutOfMemoryError
        return forward(*args, **kwargs)

    expected = generate(model, tokenizer, dialogues(*PROMPTS), greedy, 10)
    monkeypatch.setattr(base, "forward", small)
    asked = answered(model, tokenizer, PROMPTS, lambda prompt: dialogues(prompt)[0], greedy, 10, 4)
    assert [reply for _, replies in asked for reply in replies] == expected
    assert sizes[0] == 3 and set(sizes[1:]) == {1}


def test_it_stops_at_the_end_of_turn(
    model: Any, tokenizer: Any, greedy: Generation, monkeypatch: pytest.MonkeyPatch
) -> None:
    ids = likeliest(model, tokenizer, PROMPTS[0], 6)
    ending = ids[3]
    base = model.get_base_model() if hasattr(model, "get_base_model") else model
    monkeypatch.setattr(base.generation_config, "eos_token_id", [ending])
    said = ids[: ids.index(ending)]
    (reply,) = generate(model, tokenizer, dialogues(PROMPTS[0]), greedy, 20)
    assert reply == Reply(tokenizer.decode(said, skip_special_tokens=True), len(said), True)


@pytest.mark.parametrize(("declared", "wanted"), [(None, [256]), (7, [256, 7]), ([256, 9, 7], [256, 9, 7])])
def test_end_ids(model: Any, tokenizer: Any, declared: Any, wanted: list[int], monkeypatch: pytest.MonkeyPatch) -> None:
    base = model.get_base_model() if hasattr(model, "get_base_model") else model
    monkeypatch.setattr(base.generation_config, "eos_token_id", declared)
    assert tokenizer.eos_token_id == 256
    assert end_ids(base.generation_config, tokenizer) == wanted


def test_settings_the_model_ships_are_left_out(
    model: Any, tokenizer: Any, greedy: Generation, monkeypatch: pytest.MonkeyPatch
) -> None:
    wanted = generate(model, tokenizer, dialogues(*PROMPTS), greedy, 12)
    base = model.get_base_model() if hasattr(model, "get_base_model") else model
    own = GenerationConfig(
        do_sample=True, temperature=5.0, repetition_penalty=9.0, max_length=3, no_repeat_ngram_size=1
    )
    own.eos_token_id = tokenizer.eos_token_id
    monkeypatch.setattr(base, "generation_config", own)
    assert generate(model, tokenizer, dialogues(*PROMPTS), greedy, 12) == wanted
    assert base.generation_config is own


def test_our_settings_count(model: Any, tokenizer: Any) -> None:
    settings = Generation.model_validate(GREEDY | {"no_repeat_ngram_size": 1})
    (reply,) = generate(model, tokenizer, dialogues("一"), settings, 30)
    (plain,) = generate(model, tokenizer, dialogues("一"), Generation.model_validate(GREEDY), 30)
    assert len(set(likeliest(model, tokenizer, "一", 30))) < 30
    assert reply != plain


def test_sampling_follows_the_seed(model: Any, tokenizer: Any) -> None:
    settings = Generation.model_validate(GREEDY | {"do_sample": True, "temperature": 2.0, "top_p": 1.0})

    def sampled(seed: int) -> list[Reply]:
        torch.manual_seed(seed)
        return generate(model, tokenizer, dialogues(*PROMPTS), settings, 12)

    assert sampled(1) == sampled(1)
    assert sampled(1) != sampled(2)
