"""What of a long conversation a model is still shown."""

from collections.abc import Callable

from workflow_scripts.lib.chat_template import Messages
from workflow_scripts.lib.errors import UserError


def shortened(messages: Messages, length: Callable[[Messages], int], room: int) -> Messages:
    """Leave out the earliest turns, each with its reply, until the rest has room; the system prompt stays.

    Args:
        messages: A dialogue that ends with what the user said.
        length: Number of tokens of a prompt.
        room: Tokens the prompt may have.

    Raises:
        UserError: If the last message alone has more.
    """
    system = [message for message in messages[:1] if message["role"] == "system"]
    said = messages[len(system) :]
    starts = [index for index, message in enumerate(said) if message["role"] == "user"]
    for start in [0, *starts[1:]]:
        if length(system + said[start:]) <= room:
            return system + said[start:]
    raise UserError(
        f"the message is too long: {length(system + said[starts[-1] :])} tokens, and the model has room for {room}",
        "the last message",
        "say it in fewer words, or lower generation.max_new_tokens",
    )


def left_out(messages: Messages, shown: Messages) -> int:
    """Return how many turns of the user are in a dialogue and not in what is shown of it."""
    return sum(message["role"] == "user" for message in messages) - sum(message["role"] == "user" for message in shown)
