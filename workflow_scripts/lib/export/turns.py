"""A chat template taken to pieces, for programs that do not read Jinja."""

from dataclasses import dataclass
from typing import Any

from workflow_scripts.lib.chat_template import Messages, render_prompt
from workflow_scripts.lib.errors import UserError

_SYSTEM, _ASKED, _SAID, _AGAIN = "\ue000", "\ue001", "\ue002", "\ue003"  # characters that no template has


@dataclass(frozen=True)
class Turns:
    """What stands between the messages of a dialogue.

    Attributes:
        opening: Before the first user message where there is no system message.
        system: Before and after a system message.
        user: Before and after a user message; after it the assistant speaks.
        assistant: After an assistant message, before the next user message's own opening.
    """

    opening: str
    system: tuple[str, str]
    user: tuple[str, str]
    assistant: str

    def render(self, messages: Messages) -> str:
        """Return the text after which the assistant's reply begins."""
        has_system = messages[0]["role"] == "system"
        text = "" if has_system else self.opening
        for message in messages:
            before, after = {"system": self.system, "user": self.user}.get(message["role"], ("", self.assistant))
            text += before + message["content"] + after
        return text


def turns_of(tokenizer: Any) -> Turns:
    """Take a tokenizer's chat template to pieces.

    Raises:
        UserError: If it writes a dialogue in another way than message after message.
    """
    system, asked, said, again = (
        {"role": role, "content": mark}
        for role, mark in zip(("system", "user", "assistant", "user"), (_SYSTEM, _ASKED, _SAID, _AGAIN), strict=True)
    )
    opening, close = _parts(render_prompt(tokenizer, [asked]), _ASKED)
    before, between, _ = _parts(render_prompt(tokenizer, [system, asked]), _SYSTEM, _ASKED)
    _, _, next_opening, _ = _parts(render_prompt(tokenizer, [asked, said, again]), _ASKED, _SAID, _AGAIN)
    user = _common_end(opening, between, next_opening)
    found = Turns(
        opening.removesuffix(user), (before, between.removesuffix(user)), (user, close), next_opening.removesuffix(user)
    )
    for messages in ([asked], [system, asked], [system, asked, said, again], [asked, said, again, said, asked]):
        if found.render(messages) != render_prompt(tokenizer, messages):
            raise UserError(
                "the chat template changes turns that were written before", "model.chat_template", "choose another"
            )
    return found


def _parts(text: str, *marks: str) -> list[str]:
    parts = []
    for mark in marks:
        part, found, text = text.partition(mark)
        if not found:
            raise UserError("the chat template leaves a message out", "model.chat_template", "choose another")
        parts.append(part)
    return [*parts, text]


def _common_end(*texts: str) -> str:
    length = 0
    while length < min(map(len, texts)) and len({text[-length - 1] for text in texts}) == 1:
        length += 1
    return texts[0][len(texts[0]) - length :]
