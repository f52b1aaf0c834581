"""The harness's model with shared contexts answers what the stock one answers."""

import random
from typing import Any

import pytest
import torch
from lm_eval.api.instance import Instance
from lm_eval.models.huggingface import HFLM
from transformers import Qwen2ForCausalLM

from workflow_scripts.lib.evaluation import shared_context_lm
from workflow_scripts.lib.evaluation.shared_context_lm import SharedContextLM

Request = tuple[tuple[str, str], list[int], list[int]]


def requests(seed: int, choices: tuple[int, ...]) -> list[Request]:
    """Prompts that begin alike and differ in length, with continuations of one to nine tokens, shuffled."""
    draw = random.Random(seed)
    found = []
    for number, count in enumerate(choices):
        prompt = [5, 9, 2] + [draw.randrange(250) for _ in range(1 + number * 3)]
        found += [
            (("p", str(n)), prompt, [draw.randrange(250) for _ in range(draw.randint(1, 9))]) for n in range(count)
        ]
    draw.shuffle(found)
    return found


def answers(kind: type[HFLM], model: Any, tokenizer: Any, asked: list[Request]) -> list[tuple[float, bool]]:
    return kind(pretrained=model, tokenizer=tokenizer, batch_size=4)._loglikelihood_tokens(asked, disable_tqdm=True)


@pytest.mark.parametrize("choices", [(4, 4, 4, 4, 4), (1, 2, 7, 3), (1,)])
def test_answers_are_the_stock_ones(model: Any, tokenizer: Any, choices: tuple[int, ...]) -> None:
    asked = requests(3, choices)
    found = answers(SharedContextLM, model, tokenizer, asked)
    wanted = answers(HFLM, model, tokenizer, asked)
    assert [score for score, _ in found] == pytest.approx([score for score, _ in wanted], abs=1e-4)
    assert [greedy for _, greedy in found] == [greedy for _, greedy in wanted]


def test_the_greedy_continuation_is_recognized(model: Any, tokenizer: Any) -> None:
    prompt, said = [5, 9, 2, 7], []
    for _ in range(3):
        with torch.no_grad():
            said.append(int(model(input_ids=torch.tensor([prompt + said])).logits[0, -1].argmax()))
    asked = [(("p", "greedy"), prompt, said), (("p", "other"), prompt, [*said[:2], said[2] - 1])]
    assert [greedy for _, greedy in answers(SharedContextLM, model, tokenizer, asked)] == [True, False]


def test_the_prompt_of_one_token(model: Any, tokenizer: Any) -> None:
    asked = [(("p", "a"), [7], [1, 2]), (("p", "b"), [7], [3]), (("q", "c"), [8, 9], [3])]
    found, wanted = (answers(kind, model, tokenizer, asked) for kind in (SharedContextLM, HFLM))
    assert [score for score, _ in found] == pytest.approx([score for score, _ in wanted], abs=1e-4)


def test_what_does_not_fit_is_left_to_the_harness(model: Any, tokenizer: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = requests(1, (2, 2, 2))
    monkeypatch.setattr(HFLM, "max_length", 10)
    monkeypatch.setattr(shared_context_lm.SharedContextLM, "_answer", None)
    assert answers(SharedContextLM, model, tokenizer, asked) == answers(HFLM, model, tokenizer, asked)


@pytest.mark.parametrize("asked_for", ["choices", "text"])
def test_stock_batches_are_halved_until_they_fit(
    model: Any, tokenizer: Any, monkeypatch: pytest.MonkeyPatch, asked_for: str
) -> None:
    monkeypatch.setattr(shared_context_lm.shared_context, "supported", lambda _: False)
    settings = {"until": ["\n"], "max_gen_toks": 3}
    texts = [Instance("generate_until", {}, ("春" * n, settings), n) for n in range(1, 9)]

    def ask(kind: type[HFLM]) -> list:
        judge = kind(pretrained=model, tokenizer=tokenizer, batch_size=8)
        if asked_for == "text":
            return judge.generate_until(texts, disable_tqdm=True)
        return judge._loglikelihood_tokens(requests(5, (4, 4, 2)), disable_tqdm=True)

    wanted, sizes, forward = ask(HFLM), [], Qwen2ForCausalLM.forward

    def cramped(self: Any, *args: Any, **given: Any) -> Any:
        ids = given.get("input_ids", args[0] if args else None)
        sizes.append(len(ids))
        if len(ids) > 3:
            raise torch.OutOfMemoryError
        return forward(self, *args, **given)

    monkeypatch.setattr(Qwen2ForCausalLM, "forward", cramped)
    found = ask(SharedContextLM)
    assert sizes[:2] == [8, 4] and max(sizes[2:]) == 2
    if asked_for == "text":
        assert found == wanted and len(found) == 8
    else:
        assert [score for score, _ in found] == pytest.approx([score for score, _ in wanted], abs=1e-4)
