"""Poems of chinese-poetry as several tasks: go on, write one, name metre and form, say it in modern Chinese."""

from collections.abc import Callable, Iterable, Iterator
from typing import Annotated, Literal

from pydantic import Field, model_validator

from workflow_scripts.lib.adapters.base import Context, Row, each
from workflow_scripts.lib.adapters.options import AdapterOptions
from workflow_scripts.lib.adapters.verses import Script, Verse, read_verse
from workflow_scripts.lib.config.fields import Count, Positive, Section, Text
from workflow_scripts.lib.mixing import draws
from workflow_scripts.lib.records import Drop, RawRow, RejectedRowError, message, sft_row

USES = ("sft", "evaluation")
ROW_BY_ROW = True
SHAPES = (("author", "paragraphs", "title"),)
OPTIONAL = ("translation",)

Name = Literal["continue", "compose", "form", "explain"]
# What an instruction must have a place for, and the reply. Places that may stand in any: {author}, {title}, {form}.
PLACES: dict[Name, str] = {"continue": "{opening}", "compose": "{title}", "form": "{poem}", "explain": "{poem}"}
REPLIES: dict[Name, Callable[[Verse], str]] = {
    "continue": lambda verse: "\n".join(verse.couplets[1:]),
    "compose": lambda verse: "\n".join(verse.couplets),
    "form": lambda verse: f"这是一首{verse.form}，共 {verse.num_lines} 句，每句 {verse.metre} 字。",
    "explain": lambda verse: verse.translation,
}


class Task(Section):
    """``share`` of the poems, against those of the other tasks; ``instructions``, of which each poem draws one."""

    share: Positive
    instructions: Annotated[list[Text], Field(min_length=1)]


class Options(AdapterOptions):
    """``lines``: [fewest, most] of a poem; ``script``: keep or simplified; ``tasks``: each poem draws one of them."""

    lines: Annotated[list[Count], Field(min_length=2, max_length=2)]
    script: Script
    tasks: Annotated[dict[Name, Task], Field(min_length=1)]

    @model_validator(mode="after")
    def _can_be_followed(self) -> "Options":
        if self.lines[0] > self.lines[1]:
            raise ValueError(f"lines is {self.lines}: give the fewest first")
        if "continue" in self.tasks and self.lines[0] < 4:
            raise ValueError("a poem to go on with has four lines at least: two are given")
        for name, task in self.tasks.items():
            for instruction in task.instructions:
                if PLACES[name] not in instruction:
                    raise ValueError(f"{instruction!r} of {name} has no place for {PLACES[name]}")
        return self


def convert(rows: Iterable[RawRow], options: Options, context: Context) -> Iterator[Row | Drop]:
    def row_of(raw: RawRow) -> Row:
        verse = read_verse(raw, (options.lines[0], options.lines[1]), options.script)
        name, asked = _task(verse, options.tasks, context.seed)
        reply = REPLIES[name](verse)
        meta = {"task": name, "title": verse.title, "author": verse.author}
        if name in ("continue", "compose"):
            meta = {"form": f"verse:{verse.num_lines - 2 * (name == 'continue')}x{verse.metre}"} | meta
        messages = [message("user", asked), message("assistant", reply)]
        return sft_row(raw.id, context.source, messages, group=verse.group, meta=meta)

    return each(rows, row_of)


def _task(verse: Verse, tasks: dict[Name, Task], seed: int) -> tuple[Name, str]:
    """Return the task that a poem draws and its instruction, of those that the poem has all texts for.

    Drawn for the first couplet, so that a poem that stands twice in the files gives the same row twice.

    Raises:
        RejectedRowError: ``no_task``.
    """
    texts = {
        "{opening}": verse.couplets[0],
        "{poem}": "\n".join(verse.couplets),
        "{author}": verse.author,
        "{title}": verse.title,
        "{form}": verse.form,
    }
    possible: dict[Name, list[str]] = {}
    for name, task in tasks.items():
        wording = [text for text in task.instructions if all(texts[place] for place in texts if place in text)]
        if wording and REPLIES[name](verse):
            possible[name] = wording
    if not possible:
        raise RejectedRowError("no_task", "the poem lacks the title, author or translation that the tasks want")
    place = draws.share(seed, "task", verse.group) * sum(tasks[name].share for name in possible)
    for chosen in possible:
        place -= tasks[chosen].share
        if place < 0:
            break
    wording = possible[chosen]
    asked = wording[draws.draw(seed, "instruction", verse.group) % len(wording)]
    for name, text in texts.items():
        asked = asked.replace(name, text)
    return chosen, asked
