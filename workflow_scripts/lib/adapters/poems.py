"""Quatrains of the chinese-poetry collection."""

import re
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from pydantic import Field, field_validator

from workflow_scripts.lib.adapters.base import field
from workflow_scripts.lib.adapters.options import AdapterOptions
from workflow_scripts.lib.config.fields import Ratio
from workflow_scripts.lib.mixing import draws
from workflow_scripts.lib.records import RawRow, RejectedRowError, group_of, message, text_of
from workflow_scripts.lib.text import HAN

Form = Literal["quatrain5", "quatrain7"]
CHARACTERS: dict[str, int] = {"quatrain5": 5, "quatrain7": 7}  # a line
FIELDS = ("author", "paragraphs", "title")
_COUPLET = {form: re.compile(f"[{HAN}]{{{n}}}，[{HAN}]{{{n}}}。") for form, n in CHARACTERS.items()}


class PoemOptions(AdapterOptions):
    """Options that all uses of poems share."""

    forms: Annotated[list[Form], Field(min_length=1)]
    share: Annotated[list[Ratio], Field(min_length=2, max_length=2)]
    instructions: Annotated[list[str], Field(min_length=1)]

    @field_validator("share")
    @classmethod
    def _is_a_range(cls, value: list[float]) -> list[float]:
        if not value[0] < value[1]:
            raise ValueError("give [from, to) with from below to")
        return value

    @field_validator("instructions")
    @classmethod
    def _have_a_place(cls, value: list[str]) -> list[str]:
        for instruction in value:
            if "{couplet}" not in instruction:
                raise ValueError(f"{instruction!r} has no {{couplet}} to put the first couplet in")
        return value


@dataclass(frozen=True)
class Poem:
    """A quatrain as two couplets, each a text like ``白日依山盡，黃河入海流。``

    Its group is that of the first couplet, which is what a model is asked to continue: variants of a poem that begin
    alike are one prompt.
    """

    raw_id: str
    form: str
    couplets: tuple[str, str]
    title: str
    author: str
    group: str


def read_poem(raw: RawRow) -> Poem:
    """Return the poem if it is a regular quatrain.

    Raises:
        RejectedRowError: ``form``, with what it is instead, or a reason of ``text_of`` and ``field``.
    """
    paragraphs = field(raw.value, "paragraphs")
    if not isinstance(paragraphs, list):
        raise RejectedRowError("wrong_type", f"paragraphs is {type(paragraphs).__name__}, not a list")
    if len(paragraphs) != 2:
        raise RejectedRowError("form", f"{len(paragraphs)} paragraphs, a quatrain has 2")
    first, second = (text_of(paragraph, "paragraph") for paragraph in paragraphs)
    for form, couplet in _COUPLET.items():
        if couplet.fullmatch(first) and couplet.fullmatch(second):
            title, author = (_label(raw.value, name) for name in ("title", "author"))
            return Poem(raw.id, form, (first, second), title, author, group_of(first))
    raise RejectedRowError("form", f"no two couplets of 5+5 or 7+7 Han characters: {first}{second}")


def check_selected(poem: Poem, options: PoemOptions) -> None:
    """Check that the poem is one of those that the source takes.

    Raises:
        RejectedRowError: ``form`` or ``outside_share``.
    """
    if poem.form not in options.forms:
        raise RejectedRowError("form", f"{poem.form} is not among the forms asked for")
    place = draws.share("share of poems", poem.group)  # unseeded: sources that divide the poems must agree
    if not options.share[0] <= place < options.share[1]:
        raise RejectedRowError("outside_share", f"at {place:.4f}, the share is {options.share}")


def prompt(poem: Poem, instructions: list[str], seed: int) -> dict[str, str]:
    """Return the user's message: one of the instructions with the first couplet in its place.

    Drawn for that couplet, so that a poem that stands twice in the files gives the same row twice and is found by
    deduplication.
    """
    number = draws.draw(seed, "instruction", poem.group) % len(instructions)
    return message("user", instructions[number].replace("{couplet}", poem.couplets[0]))


def _label(row: dict[str, Any], name: str) -> str:
    return text_of(row[name], name) if row.get(name) is not None else ""
