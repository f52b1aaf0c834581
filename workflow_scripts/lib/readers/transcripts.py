"""Dialogues written down as plain text: lines that start with a speaker, such as ``User:`` or ``助手：``."""

import re
from collections.abc import Iterator

from workflow_scripts.lib.readers.json_text import MAX_CHARS
from workflow_scripts.lib.readers.lines import text_lines
from workflow_scripts.lib.readers.parsed import Parsed

_ROLES = {
    "system": ("system", "系统", "设定"),
    "user": ("human", "user", "prompter", "question", "q", "用户", "人类", "提问", "问题", "问"),
    "assistant": ("assistant", "ai", "bot", "answer", "a", "助手", "助理", "回答", "答案", "答"),
}
_ROLE_OF = {name: role for role, names in _ROLES.items() for name in names}
_NAMES = "|".join(sorted(_ROLE_OF, key=len, reverse=True))
_SPEAKER = re.compile(rf"\s*[#*\[【]{{0,4}}({_NAMES})[\]】*]{{0,2}}\s?[:：]\*{{0,2}}", re.IGNORECASE)
_RULE = re.compile(r"\s*([-=*#_])\1{2,}\s*")


def is_transcript(start: str) -> bool:
    """Tell whether a text starts like a dialogue: with a speaker, or a rule and a speaker."""
    lines = [line for line in start.splitlines() if line.strip()]
    if lines and _RULE.fullmatch(lines[0]):
        del lines[0]
    return bool(lines and _SPEAKER.match(lines[0]))


def transcripts(chunks: Iterator[str], newline: str) -> Iterator[Parsed]:
    """Yield one record a dialogue, ``{"messages": [{"role", "content"}, …]}``; ``row`` is the line it starts on.

    A line of dashes or the like before a speaker starts the next dialogue; elsewhere it is part of the text.
    """
    dialogue = _Dialogue(0)
    held: list[str] = []  # a rule, and what is blank after it: we do not know yet what they are
    for row, line in enumerate(text_lines(chunks, newline)):
        line = line.rstrip("\r").removeprefix("\ufeff")
        if _RULE.fullmatch(line) or (held and not line.strip()):
            held.append(line)
            continue
        if held and _SPEAKER.match(line):
            yield from dialogue.parsed()
            dialogue, held = _Dialogue(row), []
        for each in (*held, line):
            dialogue.add(each, row)
        held = []
    yield from dialogue.parsed()


class _Dialogue:
    def __init__(self, row: int) -> None:
        self._row = row
        self._turns: list[tuple[str, list[str]]] = []
        self._length = 0
        self._problem: str | None = None

    def add(self, line: str, row: int) -> None:
        speaker = _SPEAKER.match(line)
        self._length += len(line) + 1
        if self._length > MAX_CHARS:
            self._problem = self._problem or f"longer than {MAX_CHARS} characters, from line {self._row + 1} on"
        elif speaker:
            self._turns.append((_ROLE_OF[speaker[1].lower()], [line[speaker.end() :]]))
        elif self._turns:
            self._turns[-1][1].append(line)
        elif line.strip():
            self._problem = self._problem or f"no speaker before {line.strip()[:40]!r}, line {row + 1}"
        else:
            self._row = row + 1

    def parsed(self) -> Iterator[Parsed]:
        """Yield the dialogue, if there is one."""
        if self._problem is not None:
            yield Parsed(self._row, problem=self._problem)
        elif self._turns:
            messages = [{"role": role, "content": "\n".join(lines).strip()} for role, lines in self._turns]
            yield Parsed(self._row, {"messages": messages})
