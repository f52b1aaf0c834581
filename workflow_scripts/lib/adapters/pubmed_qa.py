"""qiaojin/PubMedQA, and the bigbio copy with names in capitals: abstract and question, conclusion and decision.

``reasoning_*_pred`` are predictions of the answer, and the conclusion tells it: none of them goes into the prompt.
"""

from collections.abc import Iterable, Iterator
from typing import Any

from workflow_scripts.lib.adapters.base import Context, Row, each, field
from workflow_scripts.lib.adapters.conversations import joined
from workflow_scripts.lib.adapters.options import AdapterOptions
from workflow_scripts.lib.adapters.values import decoded, kept, text_in
from workflow_scripts.lib.records import Drop, RawRow, RejectedRowError, group_of, message, sft_row, text_of

USES = ("sft", "evaluation")
ROW_BY_ROW = True
SHAPES = (("question", "context", "long_answer"), ("QUESTION", "CONTEXTS", "LONG_ANSWER"))
OPTIONAL = ("LABELS", "final_decision", "pubid")
DECISIONS = ("yes", "no", "maybe")


class Options(AdapterOptions):
    """None of its own."""


def convert(rows: Iterable[RawRow], options: Options, context: Context) -> Iterator[Row | Drop]:
    def row_of(raw: RawRow) -> Row:
        row = raw.value
        question, passages, conclusion = _parts(row)
        decision = text_in(row, "final_decision").lower()  # absent in the unlabelled configs
        if decision and decision not in DECISIONS:
            raise RejectedRowError("unknown_decision", f"final_decision is {decision!r}")
        messages = [
            message("user", "\n\n".join(part for part in (joined(*passages), question) if part)),
            message("assistant", "\n\n".join(part for part in (conclusion, decision) if part)),
        ]
        meta = kept(row, "pubid") | ({"final_decision": decision} if decision else {})
        return sft_row(raw.id, context.source, messages, group=group_of(question), meta=meta)

    return each(rows, row_of)


def _parts(row: dict[str, Any]) -> tuple[str, list[str], str]:
    """Return question, passages of the abstract, conclusion."""
    if "QUESTION" in row and "question" not in row:
        passages = _passages(field(row, "CONTEXTS"), row.get("LABELS"))
        return text_of(row["QUESTION"], "QUESTION"), passages, text_in(row, "LONG_ANSWER")
    context = decoded(field(row, "context"))
    if not isinstance(context, dict):
        raise RejectedRowError("wrong_type", f"context is {type(context).__name__}, not an object of lists")
    passages = _passages(field(context, "contexts"), context.get("labels"))
    return text_of(field(row, "question"), "question"), passages, text_in(row, "long_answer")


def _passages(contexts: Any, labels: Any) -> list[str]:
    """Return the passages, each after its label; of the lists beside them only the labels are as long as they are."""
    if not isinstance(contexts, list):
        raise RejectedRowError("wrong_type", f"contexts is {type(contexts).__name__}, not a list")
    texts = [text_of(each, "contexts") for each in contexts]
    if not isinstance(labels, list) or len(labels) != len(texts):
        return texts
    names = [text_of(label, "labels") for label in labels]
    return [f"{name}: {text}" if name else text for name, text in zip(names, texts, strict=True)]
