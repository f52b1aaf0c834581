"""Does a text keep to a number of characters?"""


def check_at_most(text: str, argument: str) -> str | None:
    """``max_chars:50``: white space at the ends is not counted."""
    found = len(text.strip())
    if not found:
        return "empty"
    return None if found <= int(argument) else f"{found} characters, more than {int(argument)}"


def check_at_least(text: str, argument: str) -> str | None:
    """``min_chars:50``."""
    found = len(text.strip())
    return None if found >= int(argument) else f"{found} characters, fewer than {int(argument)}"
