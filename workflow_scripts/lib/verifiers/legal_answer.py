"""A judgement in a reply: ``罪名 | 月数``, ``罪名 | XT`` for life or death, ``不违规``; or V and NV in their place.

An answer stands in ``<answer>…</answer>``, or is the last line of a reply without that tag.
"""

import re
from dataclasses import dataclass

from workflow_scripts.lib.adapters.lawshift_labels import EXTREME_MONTHS
from workflow_scripts.lib.text import HAN
from workflow_scripts.lib.verifiers.months import months_of
from workflow_scripts.lib.verifiers.plain_text import bare, plain, said, tagged

_BARS = str.maketrans(dict.fromkeys("丨│┃∣¦", "|"))  # what is typed or written for a bar
_NOT_GUILTY = ("NV", "不违规", "无罪")
_GUILTY = ("V", "违规", "有罪")
_EXTREME = ("XT", "无期", "无期徒刑", "死刑", "死缓", "死刑缓期二年执行", "死刑缓期两年执行")
_BEFORE_CHARGE = re.compile(r"^(?:构成|犯)(?=..)")
_BEFORE_TERM = re.compile(r"^(?:判处)?(?:有期徒刑)?(?=.)")
_IN_BRACKETS = re.compile(r"\([^()]*\)?$")  # the closing one is gone with the ornaments
_HAN = re.compile(f"[{HAN}]")


@dataclass(frozen=True)
class Judgement:
    """What a reply says: ``charge`` is None where it says guilty only, ``months`` where it says no term or XT."""

    guilty: bool
    charge: str | None = None
    months: int | None = None
    extreme: bool = False


class UnreadableError(Exception):
    """Raised where a reply has no one answer.

    Attributes:
        why: ``unfinished_thought``, ``no_answer``, ``several_answers``, ``bad_form`` or ``bad_term``.
    """

    def __init__(self, why: str) -> None:
        self.why = why
        super().__init__(why)


def parse(reply: str) -> Judgement:
    """Return the judgement of a reply.

    Raises:
        UnreadableError: If there is none, or there are different ones.
    """
    text = said(plain(reply))
    if text is None:
        raise UnreadableError("unfinished_thought")
    text = text.translate(_BARS)
    blocks = tagged(text)
    found = {_judgement(block) for block in blocks} if blocks else _of_lines(text)
    if len(found) > 1:
        raise UnreadableError("several_answers")
    return found.pop()


def folded(charge: str) -> str:
    """Return a charge as it is compared: without marks, and without the 罪 at its end."""
    letters = re.sub(r"[\W_]", "", plain(charge))
    return letters.removesuffix("罪") or letters


def _of_lines(text: str) -> set[Judgement]:
    """Return the answers of a reply without tags: its last line must be one, and others before it count too."""
    lines = [line for line in text.splitlines() if bare(line)]
    if not lines:
        raise UnreadableError("no_answer")
    last = _line(lines[-1])
    if last is None:
        raise UnreadableError("no_answer")
    return {last, *(answer for answer in map(_line, lines[:-1]) if answer)}


def _line(line: str) -> Judgement | None:
    """Return the answer that a line is; None for a line of other words."""
    if "|" not in line and _squeezed(_after_colon(line)).upper() not in _NOT_GUILTY:
        return None
    try:
        return _judgement(line)
    except UnreadableError:
        return None


def _judgement(block: str) -> Judgement:
    parts = [part for part in map(_after_colon, block.split("|")) if part]
    if not parts:
        raise UnreadableError("no_answer")
    if len(parts) > 2:
        raise UnreadableError("several_answers")
    verdict = _squeezed(parts[0]).upper()
    if verdict in _NOT_GUILTY:
        if parts[1:] not in ([], ["0"]):
            raise UnreadableError("bad_form")
        return Judgement(guilty=False)
    charge = None if verdict in _GUILTY else _charge(parts[0])
    months = _months(parts[1]) if len(parts) == 2 else None
    extreme = months in EXTREME_MONTHS
    return Judgement(True, charge, None if extreme else months, extreme)


def _after_colon(part: str) -> str:
    """Return ``盗窃`` of ``罪名: 盗窃``."""
    return bare(bare(part).rpartition(":")[2])


def _squeezed(text: str) -> str:
    return "".join(text.split())


def _charge(text: str) -> str:
    charge = folded(_BEFORE_CHARGE.sub("", _squeezed(text)))
    if not _HAN.search(charge):
        raise UnreadableError("bad_form")
    return charge


def _months(text: str) -> int:
    """Return a term in months, the number for life where it is XT."""
    term = _BEFORE_TERM.sub("", bare(_IN_BRACKETS.sub("", _squeezed(text)))).removesuffix("有期徒刑")
    if term.upper() in _EXTREME:
        return EXTREME_MONTHS[0]
    months = months_of(term)
    if months is None:
        raise UnreadableError("bad_term")
    return months
