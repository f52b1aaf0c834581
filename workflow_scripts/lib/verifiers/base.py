"""What every verifier is given and gives."""

from dataclasses import dataclass, field
from typing import Any

from workflow_scripts.lib.config.fields import Section


class VerifierOptions(Section):
    """Options of a verifier; a key left out means off."""


@dataclass(frozen=True)
class Gold:
    """What is known of the right reply: the row's own, empty if it has none, and the row's ``meta``."""

    reply: str
    meta: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Verdict:
    """Whether a reply is right, and if not what is wrong with it, in words to be counted."""

    right: bool
    why: str


RIGHT = Verdict(True, "right")
NO_GOLD = Verdict(False, "no_gold")  # nothing to compare with: no reply to this prompt can be right


def wrong(why: str) -> Verdict:
    return Verdict(False, why)


def gold_of(row: dict[str, Any]) -> Gold:
    last = row["messages"][-1]
    return Gold(last["content"] if last["role"] == "assistant" else "", row.get("meta", {}))


def question_of(row: dict[str, Any]) -> str:
    """Return what the user said last."""
    return next((each["content"] for each in row["messages"][::-1] if each["role"] == "user"), "")


def question_and_answer(row: dict[str, Any]) -> dict[str, Any]:
    """Return what stands before the reply in sampled rows of tasks without columns of their own."""
    return {"question": question_of(row), "answer": gold_of(row).reply}
