"""Preference pairs, whose prompt may stand in a column of its own or at the beginning of both answers."""

from typing import Any

from workflow_scripts.lib.adapters.base import field
from workflow_scripts.lib.adapters.conversations import Messages, turns
from workflow_scripts.lib.adapters.values import decoded
from workflow_scripts.lib.records import RejectedRowError, text_of

_TURN = {"role": {"content", "text"}, "from": {"value"}}


def answers(row: dict[str, Any]) -> tuple[Messages, str, str]:
    """Return what stands before both answers, empty if nothing does, and the texts of ``chosen`` and ``rejected``.

    Raises:
        RejectedRowError: ``different_prompts``, ``no_answer``, or what reading a conversation may give.
    """
    before_chosen, chosen = _answer(row, "chosen")
    before_rejected, rejected = _answer(row, "rejected")
    if before_chosen != before_rejected:
        raise RejectedRowError("different_prompts", "chosen and rejected answer different conversations")
    return before_chosen, chosen, rejected


def prompt_of(value: Any, name: str) -> Messages:
    """Return a prompt that is a text of the user or a conversation."""
    found = _conversation(value)
    return [{"role": "user", "content": text_of(found, name)}] if isinstance(found, str) else turns(found, name)


def _answer(row: dict[str, Any], name: str) -> tuple[Messages, str]:
    """Return what comes before the last message, and the text of the last one, which is the assistant's."""
    value = _conversation(field(row, name))
    if isinstance(value, str):
        return [], text_of(value, name)
    is_one_turn = isinstance(value, dict) and not any(isinstance(part, list) for part in value.values())
    messages = turns([value] if is_one_turn else value, name)
    if not messages or messages[-1]["role"] != "assistant":
        raise RejectedRowError("no_answer", f"{name} does not end with the assistant")
    return messages[:-1], messages[-1]["content"]


def _conversation(value: Any) -> Any:
    """Return the turns that a text holds as JSON; other JSON is what was said, as in pairs about output in JSON."""
    found = decoded(value)
    return found if all(map(_is_turn, found if isinstance(found, list) else [found])) else value


def _is_turn(value: Any) -> bool:
    return isinstance(value, dict) and any(value.keys() & {who} and value.keys() & said for who, said in _TURN.items())


def after_conversation(row: dict[str, Any]) -> tuple[Messages, str, str]:
    """Return the messages of ``conversations``, which end with the user, and the texts of the two answers.

    Raises:
        RejectedRowError: ``no_question``, or as ``answers``.
    """
    before, chosen, rejected = answers(row)
    prompt = before or turns(field(row, "conversations"), "conversations")
    if not prompt or prompt[-1]["role"] != "user":
        raise RejectedRowError("no_question", "conversations does not end with the user")
    return prompt, chosen, rejected
