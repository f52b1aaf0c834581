"""Conversations as lists of turns, under the names that data sets use for speakers and texts."""

from typing import Any

from workflow_scripts.lib.adapters.base import field
from workflow_scripts.lib.adapters.values import objects
from workflow_scripts.lib.records import RejectedRowError, message

Messages = list[dict[str, str]]
_ROLES = {"human": "user", "prompter": "user", "gpt": "assistant", "model": "assistant"}


def turns(value: Any, name: str) -> Messages:
    """Return the messages of a conversation; a system message without text is left out.

    Raises:
        RejectedRowError: ``wrong_type``, ``missing_field``, ``unknown_role``, ``system_not_first`` or as ``text_of``.
    """
    messages: Messages = []
    for turn in objects(value, name):
        found = one_turn(turn)
        if found["role"] == "system":
            if any(each["role"] != "system" for each in messages):
                raise RejectedRowError("system_not_first", f"{name} has a system message after the first turn")
            if not found["content"]:
                continue
        messages.append(found)
    return messages


def one_turn(turn: dict[str, Any]) -> dict[str, str]:
    """Return one turn as a message: ``role`` and ``content`` or ``text``, or ``from`` and ``value``."""
    if "from" in turn and "role" not in turn:
        return message(role_of(turn["from"]), field(turn, "value"))
    return message(
        role_of(turn.get("role")), field(turn, "text" if "content" not in turn and "text" in turn else "content")
    )


def role_of(speaker: Any) -> Any:
    return _ROLES.get(speaker.strip().lower(), speaker.strip().lower()) if isinstance(speaker, str) else speaker


def system_message(value: Any) -> Messages:
    """Return a system message, or none if there is no text for it."""
    return [message("system", value)] if value else []


def history(value: Any) -> Messages:
    """Return the earlier turns of a row that keeps them as [question, answer] pairs.

    Raises:
        RejectedRowError: ``wrong_type``, or as ``text_of``.
    """
    if value is None:
        return []
    if not isinstance(value, list):
        raise RejectedRowError("wrong_type", f"history is {type(value).__name__}, not a list")
    messages: Messages = []
    for pair in value:
        if not isinstance(pair, list) or len(pair) != 2:
            raise RejectedRowError("wrong_type", "history holds something else than [question, answer]")
        messages += [message("user", pair[0]), message("assistant", pair[1])]
    return messages


def joined(*texts: str) -> str:
    """Return the texts that are not empty, one below the other."""
    return "\n".join(text for text in texts if text)
