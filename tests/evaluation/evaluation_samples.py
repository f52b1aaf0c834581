"""Config sections, invented verse, and figures computed in the plainest way, for the tests of evaluation."""

import json
import random
from typing import Any

import torch

from workflow_scripts.lib.chat_template import encode_dialogue
from workflow_scripts.lib.config.training import Model

CHARACTERS = "天地玄黃宇宙洪荒日月盈昃辰宿列張寒來暑往秋收冬藏閏餘成歲律呂調陽雲騰致雨露結為霜金生麗水玉出崑岡"
MODEL = {
    "base": "file://tiny",
    "revision": None,
    "dtype": "float32",
    "quantization": "none",
    "attention": "sdpa",
    "chat_template": None,
    "system_prompt": None,
    "trust_remote_code": False,
}
GREEDY = {
    "do_sample": False,
    "temperature": 0.8,
    "top_p": 0.9,
    "repetition_penalty": 1.0,
    "no_repeat_ngram_size": 0,
}


def model_section(**changes: Any) -> Model:
    return Model.model_validate(MODEL | changes)


def verse(draw: random.Random, length: int) -> str:
    return f"{''.join(draw.sample(CHARACTERS, length))}，{''.join(draw.sample(CHARACTERS, length))}。"


def poem_row(number: int) -> dict:
    draw = random.Random(number)
    opening = ("续写：", "请补全绝句，写出后两句：")[number % 2]
    return {
        "id": f"poems/{number}",
        "source": ("tang", "song")[number % 3 == 0],
        "messages": [
            {"role": "user", "content": opening + verse(draw, 5)},
            {"role": "assistant", "content": verse(draw, 5)},
        ],
        "lang": "zh",
        "meta": {"form": "quatrain5"},
    }


def pair_row(number: int) -> dict:
    draw = random.Random(100 + number)
    return {
        "id": f"pairs/{number}",
        "source": "tang_pairs",
        "prompt": [{"role": "user", "content": ("续写：", "下联：请接着写出来：")[number % 2] + verse(draw, 5)}],
        "chosen": [{"role": "assistant", "content": verse(draw, 5)}],
        "rejected": [{"role": "assistant", "content": verse(draw, (5, 7)[number % 2])}],
        "lang": "zh",
    }


def nats_and_tokens(model: Any, tokenizer: Any, messages: list[dict]) -> tuple[float, int]:
    """One row, one token after the other, by the definition."""
    encoded = encode_dialogue(tokenizer, messages)
    with torch.no_grad():
        log_probs = model(input_ids=torch.tensor([encoded.input_ids])).logits[0].log_softmax(-1)
    scored = [place for place, said in enumerate(encoded.assistant) if said]
    return -sum(float(log_probs[place - 1, encoded.input_ids[place]]) for place in scored), len(scored)


def arguments(**flags: Any) -> list[str]:
    """Return a command line: ``task_folder=x`` becomes ``--task-folder x``, a section JSON, None no flag at all."""
    words = []
    for name, value in flags.items():
        if value is not None:
            words += [f"--{name.replace('_', '-')}", json.dumps(value) if isinstance(value, dict) else str(value)]
    return words
