"""Terms of imprisonment in words: 36, 36个月, 3年, 三年六个月, 一年半."""

import re

_DIGITS = {character: value for value, character in enumerate("零一二三四五六七八九")} | {"〇": 0, "两": 2}
_UNITS = {"十": 10, "百": 100}
_NUMBER = rf"\d+|[{''.join(_DIGITS)}{''.join(_UNITS)}]+"
_TERM = re.compile(rf"(?:(?P<years>{_NUMBER})年(?P<half>半)?)?(?:[零又]?(?P<months>{_NUMBER})(?:个?月)?)?整?")
_BARE_AFTER_YEARS = re.compile(r"年(?:零|又)?(?:\d|[一二三四五六七八九十])+整?$")  # 三年六: of what?


def months_of(text: str) -> int | None:
    """Return the months that a text without spaces says, and nothing else; None if it does not."""
    if text == "半年":
        return 6
    found = _TERM.fullmatch(text)
    if not found or not (found["years"] or found["months"]) or _BARE_AFTER_YEARS.search(text):
        return None
    years, months = (_number(found[name]) if found[name] else 0 for name in ("years", "months"))
    return 12 * years + (6 if found["half"] else 0) + months


def _number(text: str) -> int:
    if text.isdecimal():
        return int(text)
    if not any(unit in text for unit in _UNITS):
        return int("".join(str(_DIGITS[character]) for character in text))
    total = digit = 0
    for character in text:
        if character in _UNITS:
            total, digit = total + (digit or 1) * _UNITS[character], 0
        else:
            digit = _DIGITS[character]
    return total + digit
