"""Names of a sweep's variants, which are names of folders that people type."""

import hashlib
import json
import re
from typing import Any

from workflow_scripts.lib.errors import UserError

_LONGEST = 40  # characters of a value that a name holds
_UNSAFE = re.compile(r"[^\w.+-]+")


def short_names(keys: list[str]) -> dict[str, str]:
    """Return of each key the last parts that tell it apart: ``beta``, or ``align.beta`` beside ``sft.beta``."""
    found = {}
    for key in keys:
        parts = key.split(".")
        ends = [".".join(parts[-count:]) for count in range(1, len(parts) + 1)]
        found[key] = next((end for end in ends if sum(f".{other}".endswith(f".{end}") for other in keys) == 1), key)
    return found


def text(value: Any) -> str:
    """Return a value as a part of a folder's name; what does not fit there is told apart by a digest."""
    plain = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, sort_keys=True)
    safe = _UNSAFE.sub("-", plain)
    if safe == plain and len(safe) <= _LONGEST:
        return safe
    return f"{safe[:_LONGEST].strip('-')}-{hashlib.sha256(plain.encode()).hexdigest()[:6]}"


def check(names: list[str], file: str) -> None:
    """Refuse names that come twice, or that no folder should have.

    Raises:
        UserError: Naming the sweep's file.
    """
    seen = set()
    for name in names:
        if name in seen:
            raise UserError(f"two variants have the values {name}", file, "remove one of them")
        if _UNSAFE.search(name.replace("=", "").replace(",", "")) or name.startswith("."):
            raise UserError(f"{name!r} is no name of a folder", file, "name variants with letters, digits, - and _")
        seen.add(name)
