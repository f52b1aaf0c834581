"""Legal judgement prediction: charge and term must both be those of the row's own answer."""

from typing import Any

from workflow_scripts.lib.verifiers import legal_answer
from workflow_scripts.lib.verifiers.base import NO_GOLD, RIGHT, Gold, Verdict, VerifierOptions, wrong


class Options(VerifierOptions):
    """None of its own."""


def verify(reply: str, gold: Gold, options: Options) -> Verdict:
    """Compare judgements.

    The row's own reply is the gold: what is right under a changed law follows from more than the row's charge, and the
    adapter has worked it out.
    """
    try:
        right = legal_answer.parse(gold.reply)
    except legal_answer.UnreadableError:
        return NO_GOLD
    try:
        told = legal_answer.parse(reply)
    except legal_answer.UnreadableError as unreadable:
        return wrong(unreadable.why)
    if told.guilty != right.guilty:
        return wrong("wrong_verdict")
    if told.charge != right.charge:
        return wrong("wrong_charge")
    if (told.months, told.extreme) != (right.months, right.extreme):
        return wrong("wrong_term")
    return RIGHT


def columns(row: dict[str, Any]) -> dict[str, Any]:
    """Return the columns of LawShift as they are; null where a case has none, such as the charge of an innocent."""
    meta = row.get("meta", {})
    return {name: meta.get(name) for name in ("fact", "relevant_articles", "charge", "prison_time")}
