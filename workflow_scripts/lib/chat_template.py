"""From messages to token ids, the same way in training, evaluation and chat."""

from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any

from jinja2 import TemplateError

Messages = list[dict[str, str]]


class UnstableTemplateError(ValueError):
    """The chat template refuses a dialogue, or renders its last reply otherwise than it begins one."""


@dataclass(frozen=True)
class Encoded:
    """Token ids of a dialogue and which of them the model is to learn.

    Attributes:
        input_ids: One id a token, chat template included.
        assistant: Same length; True for tokens of assistant turns, end-of-turn token included.
        context_turns: Assistant turns that are not marked, because they stand there otherwise than they are said.
    """

    input_ids: list[int]
    assistant: list[bool]
    context_turns: int = 0


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

    Templates of models that think take the thoughts out of a reply once the user speaks again (Qwen3). Such a turn
    does not stand in the whole dialogue as the model is to say it: it is context there, and not marked.

    Raises:
        UnstableTemplateError: If the template refuses the dialogue, or its last reply cannot be told from the rest.
    """
    said = [index for index, message in enumerate(messages) if message["role"] == "assistant"]
    try:
        text = tokenizer.apply_chat_template(messages, tokenize=False)
        found = [_span(tokenizer, text, messages, index) for index in said]
    except TemplateError as error:  # no system role, or a user who speaks twice in a row
        raise UnstableTemplateError(str(error)) from error
    if found and found[-1] is None:
        raise UnstableTemplateError(f"turn {said[-1]} of {len(messages)}")
    spans = [span for span in found if span]
    encoded = _mark(tokenizer, text, spans, ends_with_turn=messages[-1]["role"] == "assistant")
    return replace(encoded, context_turns=len(found) - len(spans))


def encode_known(tokenizer: Any, dialogues: Iterable[Messages]) -> list[list[int]]:
    """Return the ids of the dialogues that the template takes; training has left out the others, too."""
    found = []
    for messages in dialogues:
        with suppress(UnstableTemplateError):
            found.append(encode_dialogue(tokenizer, messages).input_ids)
    return found


def _span(tokenizer: Any, text: str, messages: Messages, index: int) -> tuple[int, int] | None:
    """Return where in the whole text a turn stands as the model says it, or None if it stands otherwise."""
    before = render_prompt(tokenizer, messages[:index])
    through = tokenizer.apply_chat_template(messages[: index + 1], tokenize=False)
    if through.startswith(before) and text.startswith(through):
        return len(before), len(through)
    return None


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
