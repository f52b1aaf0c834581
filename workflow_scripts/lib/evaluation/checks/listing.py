"""Is a text a list of so many items, numbered or with bullets?"""

import re

_ITEM = re.compile(r"(?m)^\s*(?:[-*•·]|\d+\s*[.、．)）]|[一二三四五六七八九十]+、)\s*\S")


def check(text: str, argument: str) -> str | None:
    """``list:3``: the number of items."""
    found = len(_ITEM.findall(text))
    return None if found == int(argument) else f"{found} items, not {int(argument)}"
