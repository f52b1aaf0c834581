"""Let a model answer dialogues."""

from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from transformers import GenerationConfig, LogitsProcessorList

from workflow_scripts.lib.chat_template import Messages, encode_prompt
from workflow_scripts.lib.config.generation import Generation


@dataclass(frozen=True)
class Reply:
    """What the model wrote.

    Attributes:
        text: Without special tokens.
        tokens: Number of tokens, the end-of-turn token not counted.
        stopped: Whether the model ended its turn itself, before ``max_new_tokens``.
    """

    text: str
    tokens: int
    stopped: bool


def generate(
    model: Any,
    tokenizer: Any,
    dialogues: list[Messages],
    settings: Generation,
    max_new_tokens: int,
) -> list[Reply]:
    """Return one reply a dialogue; all dialogues form one batch.

    Only ``settings`` count: sampling values that a base model ships in its generation_config.json are left out, so
    that two stages, or two base models, are compared under the same rules.
    """
    return write(
        model,
        tokenizer,
        [encode_prompt(tokenizer, messages) for messages in dialogues],
        max_new_tokens,
        repetition_penalty=settings.repetition_penalty,
        no_repeat_ngram_size=settings.no_repeat_ngram_size,
        **_sampling(settings),
    )


def write(
    model: Any,
    tokenizer: Any,
    prompts: list[list[int]],
    max_new_tokens: int,
    choosing: LogitsProcessorList | None = None,
    **how: Any,
) -> list[Reply]:
    """Return one reply a prompt; all prompts, token ids, form one batch.

    Args:
        choosing: What changes logits before a token is taken.
        how: Further settings, as ``GenerationConfig`` names them.
    """
    base = model.get_base_model() if hasattr(model, "get_base_model") else model
    ends = end_ids(base.generation_config, tokenizer)
    length = max(map(len, prompts))
    ids = torch.tensor([[ends[0]] * (length - len(prompt)) + prompt for prompt in prompts])
    mask = torch.tensor([[0] * (length - len(prompt)) + [1] * len(prompt) for prompt in prompts])
    config = GenerationConfig(
        max_new_tokens=max_new_tokens,
        eos_token_id=ends,
        pad_token_id=ends[0],
        **how,
    )
    with torch.no_grad(), _without_own_settings(base):
        output = base.generate(
            input_ids=ids.to(base.device),
            attention_mask=mask.to(base.device),
            generation_config=config,
            logits_processor=choosing,
        )
    return [_reply(tokenizer, new, ends) for new in output[:, length:].tolist()]


def end_ids(declared: GenerationConfig, tokenizer: Any) -> list[int]:
    """Return the ids that end a turn: the tokenizer's end token first, then those the model declares."""
    own = declared.eos_token_id
    own = own if isinstance(own, list) else [own]
    return list(dict.fromkeys(end for end in (tokenizer.eos_token_id, *own) if end is not None))


def _sampling(settings: Generation) -> dict:
    if not settings.do_sample:
        return {"do_sample": False}
    # top_k: transformers would cut to the 50 likeliest tokens, which no key of ours says
    return {"do_sample": True, "temperature": settings.temperature, "top_p": settings.top_p, "top_k": 0}


@contextmanager
def _without_own_settings(model: Any) -> Any:
    # transformers 5.23 fills what a passed GenerationConfig leaves open from the model's own
    own = model.generation_config
    model.generation_config = GenerationConfig()
    try:
        yield
    finally:
        model.generation_config = own


def _reply(tokenizer: Any, ids: list[int], ends: list[int]) -> Reply:
    stop = next((index for index, token in enumerate(ids) if token in ends), None)
    said = ids[:stop]
    return Reply(tokenizer.decode(said, skip_special_tokens=True), len(said), stop is not None)
