"""A chat template in pieces writes what the template writes, and Ollama is told of it."""

import families
import pytest
import tiny
from tokenizers import Tokenizer, models
from transformers import PreTrainedTokenizerFast

from workflow_scripts.lib.chat_template import render_prompt
from workflow_scripts.lib.config.models import ChatGeneration
from workflow_scripts.lib.errors import UserError
from workflow_scripts.lib.export.modelfile import modelfile
from workflow_scripts.lib.export.turns import turns_of
from workflow_scripts.lib.model_loading import load_tokenizer

SETTINGS = ChatGeneration(
    max_new_tokens=64, do_sample=True, temperature=0.7, top_p=0.9, repetition_penalty=1.1, no_repeat_ngram_size=3
)
ASKED = families.DIALOGUE[:-1]


def with_template(template: str) -> PreTrainedTokenizerFast:
    return PreTrainedTokenizerFast(tokenizer_object=Tokenizer(models.BPE()), chat_template=template)


@pytest.mark.parametrize("messages", [ASKED, ASKED[1:], ASKED[:2], ASKED[1:2]])
def test_the_pieces_write_what_the_template_writes(family: families.Family, messages: list[dict]) -> None:
    tokenizer = load_tokenizer(family.base)
    assert turns_of(tokenizer).render(messages) == render_prompt(tokenizer, messages)


def test_ollama_is_told_everything() -> None:
    pieces = turns_of(with_template(tiny.TEMPLATE))
    assert modelfile("model-q8_0.gguf", pieces, None, "<|im_end|>", SETTINGS, "惜字如金") == (
        "FROM ./model-q8_0.gguf\n"
        'TEMPLATE """{{ if .System }}<|im_start|>system\n{{ .System }}<|im_end|>\n{{ else }}{{ end }}'
        '{{ range .Messages }}{{ if eq .Role "user" }}<|im_start|>user\n{{ .Content }}<|im_end|>\n'
        '<|im_start|>assistant\n{{ else if eq .Role "assistant" }}{{ .Content }}<|im_end|>\n{{ end }}{{ end }}"""\n'
        'PARAMETER stop "<|im_end|>"\n'
        "PARAMETER temperature 0.7\n"
        "PARAMETER top_p 0.9\n"
        "PARAMETER repeat_penalty 1.1\n"
        "PARAMETER num_predict 64\n"
        'SYSTEM """惜字如金"""\n'
    )


def test_a_template_that_counts_turns_is_refused() -> None:
    counting = "{% for message in messages %}[{{ loop.index }}]{{ message['content'] }}{% endfor %}"
    with pytest.raises(UserError, match="the chat template changes turns that were written before"):
        turns_of(with_template(counting))
