"""What is wrong with the shape of a conversation or a pair; such rows cannot be trained on."""

import functools
from itertools import pairwise

_ROLE_OF = {"s": "system", "u": "user", "a": "assistant", "t": "tool"}


@functools.cache
def flags(signature: str) -> tuple[str, ...]:
    """Return what is wrong, in words.

    Args:
        signature: The first letter of each message's role, a capital if it is empty, as in ``suAua``; of a pair the
            messages of prompt and chosen, then ``|`` and the rejected one, and ``=`` if both answers are the same
            but for white space.
    """
    conversation, _, rejected = signature.partition("|")
    roles = [_ROLE_OF[letter.lower()] for letter in conversation if letter.lower() != "s"]
    found = [f"empty_{_ROLE_OF[letter]}" for letter in "ua" if letter.upper() in conversation]
    if "A" in rejected:
        found.append("empty_rejected")
    if "=" in rejected:
        found.append("same_answers")
    if "user" not in roles:
        found.append("no_user")
    if "assistant" not in roles:
        found.append("no_assistant")
    elif roles[-1] != "assistant":
        found.append(f"ends_with_{roles[-1]}")
    if "tool" not in roles and any(role == after for role, after in pairwise(roles)):
        found.append("roles_repeat")
    return tuple(found)
