"""What the rules ask about the config, so that it is known without them what they would be told of another one.

The rules see the config through ``Plan`` alone. Two configs that answer all its questions alike have the same graph of
jobs, and a job's own config is one of the answers.
"""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel

Answers = list[tuple["Question", str]]


@dataclass(frozen=True)
class Question:
    """A value or a method of the plan, and what the method was called with, as JSON; None of a value."""

    path: str
    arguments: str | None

    def ask(self, plan: Any) -> Any:
        found = plan
        for name in self.path.split("."):
            found = getattr(found, name)
        if self.arguments is None:
            return found
        args, named = json.loads(self.arguments)
        return found(*args, **named)


def canonical(answer: Any) -> str:
    """Return an answer as text that is the same for the same answer."""
    return json.dumps(answer, sort_keys=True, default=str)


class Watched:
    """A plan that notes what it is asked and what it says."""

    def __init__(self, plan: Any, above: str = "", asked: Answers | None = None) -> None:
        self._plan, self._above = plan, above
        self._asked: Answers = [] if asked is None else asked

    def __getattr__(self, name: str) -> Any:
        value, path = getattr(self._plan, name), f"{self._above}{name}"
        if isinstance(value, BaseModel):
            return Watched(value, f"{path}.", self._asked)
        if not callable(value):
            return self._noted(Question(path, None), value)

        def call(*args: Any, **named: Any) -> Any:
            return self._noted(Question(path, json.dumps([args, named], default=str)), value(*args, **named))

        return call

    def _noted(self, question: Question, answer: Any) -> Any:
        self._asked.append((question, canonical(answer)))
        return answer

    def answers(self) -> Answers:
        """Return each question once, with its answer."""
        return list(dict(self._asked).items())

    def note(self, answers: Answers) -> None:
        self._asked += answers

    @contextmanager
    def listening(self) -> Iterator[Answers]:
        """Give what is asked within the block, and note it nowhere else."""
        before = len(self._asked)
        heard: Answers = []
        yield heard
        heard += self._asked[before:]
        del self._asked[before:]
