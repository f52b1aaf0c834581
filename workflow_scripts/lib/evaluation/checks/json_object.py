"""Is a text JSON, bare or in one fenced block, with the keys that were asked for?"""

import json
import re

_FENCE = re.compile(r"^```(?:json)?\s*\n(.*?)\n?```$", re.DOTALL)


def check(text: str, argument: str = "") -> str | None:
    """``json`` or ``json:name,age``: the keys that an object must have."""
    text = text.strip()
    fenced = _FENCE.match(text)
    try:
        value = json.loads(fenced.group(1) if fenced else text)
    except (json.JSONDecodeError, RecursionError):
        return "not JSON"
    wanted = [key for key in argument.split(",") if key]
    if wanted and not isinstance(value, dict):
        return "not a JSON object"
    missing = [key for key in wanted if key not in value]
    return f"keys missing: {', '.join(missing)}" if missing else None
