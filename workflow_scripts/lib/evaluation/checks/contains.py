"""Does a text contain one of the expected answers?"""


def check(text: str, argument: str) -> str | None:
    """``contains:42|四十二``: any one of them."""
    wanted = [answer for answer in argument.split("|") if answer]
    if not wanted:
        raise ValueError("names no answer")
    return None if any(answer in text for answer in wanted) else f"none of {'、'.join(wanted)}"
