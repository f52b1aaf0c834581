"""From messages to token ids, the same way in training, evaluation and chat."""

from dataclasses import dataclass
from typing import Any

Messages = list[dict[str, str]]


class UnstableTemplateError(ValueError):
    """The chat template renders a dialogue's start differently once more turns follow."""


@dataclass(frozen=True)
class Encoded:
    """Token ids of a dialogue and which of them the model is to learn.

    Attributes:
        input_ids: One id a token, chat template included.
        assistant: Same length; True for tokens of assistant turns, end-of-turn token included.
    """

    input_ids: list[int]
    assistant: list[bool]


def with_system_prompt(messages: Messages, system_prompt: str | None) -> Messages:
    """Put the configured system prompt first unless the dialogue brings its own."""
    if system_prompt is None or (messages and messages[0]["role"] == "system"):
        return messages
    return [{"role": "system", "content": system_prompt}, *messages]


def render_prompt(tokenizer: Any, messages: Messages) -> str:
    """Return the text after which the assistant's reply begins."""
    return tokenizer.apply_chat_template(messages, tokenize=False, add_generation_prompt=True)


def encode_prompt(tokenizer: Any, messages: Messages) -> list[int]:
    """Return the ids after which the assistant's reply begins."""
    return tokenizer(render_prompt(tokenizer, messages), add_special_tokens=False)["input_ids"]


def encode_dialogue(tokenizer: Any, messages: Messages) -> Encoded:
    """Encode a whole dialogue and mark what the assistant says.

    The mask does not depend on generation markers of the template: each assistant turn is the text by which
    the dialogue grows after the generation prompt. It ends with the end-of-turn token (appended where a template
    has none), so that the model learns to stop; line breaks after that token are not learned.

    Raises:
        UnstableTemplateError: If an earlier turn is rendered differently in the whole dialogue.
    """
    text = tokenizer.apply_chat_template(messages, tokenize=False)
    spans = []
    for index, message in enumerate(messages):
        if message["role"] == "assistant":
            before = render_prompt(tokenizer, messages[:index])
            through = tokenizer.apply_chat_template(messages[: index + 1], tokenize=False)
            if not (through.startswith(before) and text.startswith(through)):
                raise UnstableTemplateError(f"turn {index} of {len(messages)}")
            spans.append((len(before), len(through)))
    return _mark(tokenizer, text, spans, ends_with_turn=messages[-1]["role"] == "assistant")


def _mark(tokenizer: Any, text: str, spans: list[tuple[int, int]], *, ends_with_turn: bool) -> Encoded:
    encoding = tokenizer(text, add_special_tokens=False, return_offsets_mapping=True)
    ids, offsets = list(encoding["input_ids"]), encoding["offset_mapping"]
    end_of_turn = tokenizer.eos_token_id
    assistant = [False] * len(ids)
    for start, end in spans:
        inside = [index for index, (left, right) in enumerate(offsets) if left >= start and right <= end]
        ends = [index for index in inside if ids[index] == end_of_turn]
        last = ends[-1] if ends else (inside[-1] if inside else -1)
        for index in inside:
            assistant[index] = index <= last
    if ends_with_turn and end_of_turn not in ids[-2:]:
        ids.append(end_of_turn)
        assistant.append(True)
    return Encoded(ids, assistant)
