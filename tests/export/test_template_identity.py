"""The same messages are the same token ids in training, chat, harness and the merged model."""

from pathlib import Path
from typing import Any

import families
import pytest
import tiny
from transformers import AutoModelForCausalLM, AutoTokenizer

from workflow_scripts.lib.apps.guard import Guard
from workflow_scripts.lib.apps.speaker import Speaker
from workflow_scripts.lib.config.models import ChatGeneration
from workflow_scripts.lib.config.training import Model, Sft
from workflow_scripts.lib.evaluation.shared_context_lm import SharedContextLM
from workflow_scripts.lib.evaluation.stage import load_stage
from workflow_scripts.lib.model_loading import load_tokenizer
from workflow_scripts.lib.training.rows import IGNORED, encode_sft_rows

SYSTEM, *SAID = families.DIALOGUE
*ASKED, REPLY = families.DIALOGUE


@pytest.fixture
def trained(family: families.Family) -> list[int]:
    """Return the ids before the last reply, as SFT sees them."""
    rows, _ = encode_sft_rows(
        load_tokenizer(family.base),
        [{"id": "a", "messages": SAID, "lang": "zh"}],
        Sft.model_validate(tiny.section("sft")),
        SYSTEM["content"],
    )
    ids, labels = rows[0]["input_ids"], rows[0]["labels"]
    learned = [index for index, label in enumerate(labels) if label != IGNORED]
    gaps = [index for index in learned if index - 1 not in learned]
    assert len(gaps) == 2  # both replies are learned
    return ids[: gaps[-1]]


def test_chat(family: families.Family, trained: list[int], monkeypatch: pytest.MonkeyPatch) -> None:
    model, tokenizer = load_stage(family.base, family.adapter, Model.model_validate(tiny.section("model")))
    settings = ChatGeneration(
        max_new_tokens=1, do_sample=False, temperature=1.0, top_p=1.0, repetition_penalty=1.0, no_repeat_ngram_size=0
    )
    speaker = Speaker(model, tokenizer, settings, SYSTEM["content"], Guard([], tiny.REPOSITORY))
    shown: list[list[int]] = []
    real = speaker.model.generate

    def recording(**arguments: Any) -> Any:
        shown.extend(arguments["input_ids"].tolist())
        return real(**arguments)

    monkeypatch.setattr(speaker.model, "generate", recording)
    speaker.reply(speaker.fitted(ASKED[1:]), lambda piece: None)
    assert shown == [trained]


def test_harness(family: families.Family, trained: list[int]) -> None:
    judge = SharedContextLM(
        pretrained=AutoModelForCausalLM.from_pretrained(family.base), tokenizer=load_tokenizer(family.base)
    )
    text = judge.apply_chat_template(ASKED)
    assert judge.tok_encode(text) == trained  # what it lets a model go on with
    context, choice = judge._encode_pair(text, REPLY["content"])  # what it scores; the last line break moves over
    reply = load_tokenizer(family.base)(REPLY["content"], add_special_tokens=False)["input_ids"]
    assert context + choice == trained + reply


@pytest.mark.parametrize("folder", ["base", "merged"])
def test_plain_transformers(family: families.Family, trained: list[int], folder: str) -> None:
    """This is what `transformers serve`, vLLM and pipelines do."""
    place: Path = getattr(family, folder)
    found = AutoTokenizer.from_pretrained(place).apply_chat_template(ASKED, add_generation_prompt=True)
    assert found["input_ids"] == trained
