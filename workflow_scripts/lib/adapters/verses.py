"""Regular poems of the chinese-poetry collection: any number of couplets whose lines have five or seven characters."""

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Literal

import opencc

from workflow_scripts.lib.adapters.base import field
from workflow_scripts.lib.adapters.values import text_in
from workflow_scripts.lib.records import RawRow, RejectedRowError, group_of, text_of
from workflow_scripts.lib.text import HAN

Script = Literal["keep", "simplified"]
METRES = {5: "五言", 7: "七言"}  # characters of a line
# By the number of lines. What tells 律诗 from an old-style poem of eight lines are its tones, which are not looked at.
FORMS = {4: "绝句", 8: "律诗"}
OTHER_FORM = "古诗"
UNKNOWN_AUTHORS = ("", "不詳", "不详", "無名氏", "无名氏", "佚名")
_COUPLET = {metre: re.compile(f"[{HAN}]{{{metre}}}，[{HAN}]{{{metre}}}。") for metre in METRES}


@dataclass(frozen=True)
class Verse:
    """A poem as couplets, each a text like ``白日依山盡，黃河入海流。``

    Its group is that of the first couplet as it stands in the file, so that a poem has one group in all adapters.
    """

    raw_id: str
    metre: int
    couplets: tuple[str, ...]
    title: str
    author: str
    translation: str
    group: str

    @property
    def num_lines(self) -> int:
        return 2 * len(self.couplets)

    @property
    def form(self) -> str:
        """Return the form's name by its shape, such as 五言绝句."""
        return METRES[self.metre] + FORMS.get(self.num_lines, OTHER_FORM)


def read_verse(raw: RawRow, lines: tuple[int, int], script: Script) -> Verse:
    """Return the poem if it is regular and has as many lines.

    Args:
        raw: A row of chinese-poetry; ``translation``, its meaning in modern Chinese, is read where there is one.
        lines: The fewest and the most lines.
        script: ``simplified`` converts all texts, character by character and by known words.

    Raises:
        RejectedRowError: ``form`` with what it is instead, or a reason of ``text_of`` and ``field``.
    """
    paragraphs = field(raw.value, "paragraphs")
    if not isinstance(paragraphs, list):
        raise RejectedRowError("wrong_type", f"paragraphs is {type(paragraphs).__name__}, not a list")
    couplets = tuple(text_of(paragraph, "paragraph") for paragraph in paragraphs)
    if not lines[0] <= 2 * len(couplets) <= lines[1]:
        raise RejectedRowError("form", f"{2 * len(couplets)} lines, asked for are {lines[0]} to {lines[1]}")
    metre = next((m for m, pattern in _COUPLET.items() if all(map(pattern.fullmatch, couplets))), None)
    if metre is None:
        raise RejectedRowError("form", f"not all couplets are 5+5 or 7+7 Han characters: {couplets[0]}")
    told = {name: text_in(raw.value, name) for name in ("title", "author", "translation")}
    group = group_of(couplets[0])
    if script == "simplified":
        couplets = tuple(map(simplified, couplets))
        told = {name: simplified(text) for name, text in told.items()}
    if told["author"] in UNKNOWN_AUTHORS:
        told["author"] = ""
    return Verse(raw.id, metre, couplets, group=group, **told)


def simplified(text: str) -> str:
    """Return a text in simplified characters."""
    return _converter().convert(text)


@lru_cache
def _converter() -> Any:
    return opencc.OpenCC("t2s")
