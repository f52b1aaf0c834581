"""Values inside raw rows, which may be of any type: containers, numbers, switches, and what is kept in ``meta``."""

import json
import math
from typing import Any

from workflow_scripts.lib.adapters.base import field
from workflow_scripts.lib.records import MAX_CHARS, RejectedRowError, text_of
from workflow_scripts.lib.text import is_valid_unicode

_META_CHARS = 1000  # of a text in meta, which is to be filtered and shown, not read
_META_ITEMS = 100
_SWITCHES = {"true": True, "1": True, "1.0": True, "false": False, "0": False, "0.0": False}


def objects(value: Any, name: str) -> list[dict[str, Any]]:
    """Return a list of objects, however it was stored: as such, as parallel lists, or as JSON text.

    >>> objects({"a": [1, 2], "b": [3, 4]}, "x")
    [{'a': 1, 'b': 3}, {'a': 2, 'b': 4}]

    Raises:
        RejectedRowError: ``wrong_type``.
    """
    found = decoded(value)
    if isinstance(found, dict) and found and all(isinstance(part, list) for part in found.values()):
        sizes = {len(part) for part in found.values()}
        if len(sizes) > 1:
            raise RejectedRowError("wrong_type", f"{name} holds lists of different lengths: {sorted(sizes)}")
        return [dict(zip(found, items, strict=True)) for items in zip(*found.values(), strict=True)]
    if not isinstance(found, list):
        raise RejectedRowError("wrong_type", f"{name} is {type(value).__name__}, not a list")
    for item in found:
        if not isinstance(item, dict):
            raise RejectedRowError("wrong_type", f"{name} holds {type(item).__name__}, not objects")
    return found


def decoded(value: Any) -> Any:
    """Return what a text holds if it is JSON for objects, as after a round trip through CSV; else the value itself."""
    if isinstance(value, str) and len(value) <= MAX_CHARS and value.lstrip()[:1] in ("[", "{"):
        try:
            found = json.loads(value)
        except (ValueError, RecursionError):
            return value
        is_objects = isinstance(found, list) and found and all(isinstance(item, dict) for item in found)
        return found if is_objects or isinstance(found, dict) else value
    return value


def text_in(row: dict[str, Any], name: str) -> str:
    """Return a field as text; empty if it is absent or null.

    Raises:
        RejectedRowError: As ``text_of``.
    """
    return text_of(row[name], name) if row.get(name) is not None else ""


def number_in(row: dict[str, Any], name: str) -> float:
    """Return a field as a finite number.

    Raises:
        RejectedRowError: ``missing_field`` or ``not_a_number``.
    """
    found = number_or_none(field(row, name))
    if found is None:
        raise RejectedRowError("not_a_number", f"{name} is {_shown(row[name])}")
    return found


def number_or_none(value: Any) -> float | None:
    """Return a number, or a text that is one, as a finite float; anything else is None."""
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        return None
    try:
        found = float(value)
    except (ValueError, OverflowError):
        return None
    return found if math.isfinite(found) else None


def switch_or_none(value: Any) -> bool | None:
    """Return a truth value, also one written as 0, 1, "true" or "False"; anything else is None."""
    return _SWITCHES.get(str(value).strip().lower()) if isinstance(value, (bool, int, float, str)) else None


def kept(row: dict[str, Any], *names: str) -> dict[str, str]:
    """Return the fields that can be kept in ``meta`` as text: short texts, and whole numbers written as such.

    A field of ``meta`` has one type in all rows of all sources, or readers that infer columns refuse the file.
    """
    found = {name: short_text(row.get(name)) for name in names}
    return {name: text for name, text in found.items() if text}


def kept_numbers(row: dict[str, Any], *names: str) -> dict[str, float]:
    """Return the fields that can be kept in ``meta`` as numbers."""
    found = {name: number_or_none(row.get(name)) for name in names}
    return {name: number for name, number in found.items() if number is not None}


def short_text(value: Any) -> str:
    """Return a short text, or a whole number as one; empty for anything else."""
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) < 2**63:
        return str(value)
    return value if isinstance(value, str) and len(value) <= _META_CHARS and is_valid_unicode(value) else ""


def short_texts(value: Any) -> list[str]:
    """Return the short texts of a list; none for anything else."""
    return [text for text in map(short_text, value[:_META_ITEMS]) if text] if isinstance(value, list) else []


def _shown(value: Any) -> str:
    return repr(value) if isinstance(value, (str, int, float, bool)) else type(value).__name__
