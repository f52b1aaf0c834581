"""Turn split rows into token ids and labels; every row that is lost on the way is counted and named."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from workflow_scripts.lib.chat_template import UnstableTemplateError, encode_dialogue, with_system_prompt
from workflow_scripts.lib.config.training import Align, Sft, Training
from workflow_scripts.lib.errors import UserError

IGNORED = -100  # label of tokens that are not learned, as everywhere in transformers

OVER_LENGTH, TRUNCATED, NOTHING = "over_length", "truncated", "nothing_to_learn"
REFUSED, ENCODED_DIFFERENTLY = "refused_by_chat_template", "prompt_encoded_differently"
_TEMPLATE = "set model.chat_template to one that shows a reply as it follows its prompt, with the roles the rows have"
_LENGTH = "raise max_length, or clean long rows out with clean.max_tokens"
ADVICE = {
    OVER_LENGTH: _LENGTH,
    TRUNCATED: _LENGTH,
    NOTHING: "look at the rows: no reply to learn is left, or both sides of a pair are the same",
    REFUSED: _TEMPLATE,
    ENCODED_DIFFERENTLY: _TEMPLATE,
}


@dataclass
class Ledger:
    """What became of the rows: how many were read, and the ids of those dropped or truncated, by reason.

    Replies that are context only, because the chat template takes their thoughts out, are counted beside them.
    """

    rows: int = 0
    context_turns: int = 0
    lost: dict[str, list[str]] = field(default_factory=dict)

    def lose(self, reason: str, row_id: str) -> None:
        self.lost.setdefault(reason, []).append(row_id)

    def counts(self) -> dict[str, int]:
        return {reason: len(ids) for reason, ids in sorted(self.lost.items())}

    def check(self, section: str, max_lost_ratio: float) -> None:
        """Stop a run that would learn from much less than its data.

        Raises:
            UserError: Naming the reasons, counts and first rows concerned.
        """
        lost = len({row_id for ids in self.lost.values() for row_id in ids})  # truncated until nothing is left: once
        if self.rows == 0 or lost / self.rows > max_lost_ratio:
            reasons = "; ".join(f"{reason}: {len(ids)} (first: {ids[0]})" for reason, ids in self.lost.items())
            raise UserError(
                f"{lost} of {self.rows} rows would be dropped or truncated ({reasons or 'no rows'}), "
                f"more than the allowed share of {max_lost_ratio}",
                f"{section}.max_length, {section}.max_lost_ratio",
                "; ".join([*dict.fromkeys(ADVICE[reason] for reason in self.lost), "or raise max_lost_ratio"])
                if self.rows
                else "loosen clean, or give more sources: the train split is empty",
            )

    def check_validation(self, section: str, *, wanted: bool) -> None:
        """Stop a run that is to validate, and has nothing to validate on.

        Raises:
            UserError: Naming what became of the rows.
        """
        lost = {row_id for reason, ids in self.lost.items() if reason != TRUNCATED for row_id in ids}
        if wanted and len(lost) == self.rows:
            reasons = "; ".join(f"{reason}: {count}" for reason, count in self.counts().items())
            raise UserError(
                f"no validation rows are left of {self.rows} ({reasons or 'the split is empty'})",
                f"split.val, {section}.evaluations",
                "raise split.val, or set evaluations to 0 (and early_stopping to null)",
            )


def encode_sft_rows(
    tokenizer: Any, rows: Iterable[dict], sft: Sft, system_prompt: str | None
) -> tuple[list[dict], Ledger]:
    """Encode dialogues.

    Returns:
        Rows ``{"input_ids", "labels", "weight", "id", "lang"}`` (equal lengths, the labels of
        what is not learned being -100), and the ledger.
    """
    encoded, ledger = [], Ledger()
    for row in rows:
        ledger.rows += 1
        try:
            dialogue = encode_dialogue(tokenizer, with_system_prompt(row["messages"], system_prompt))
        except UnstableTemplateError:
            ledger.lose(REFUSED, row["id"])
            continue
        learned = dialogue.assistant if sft.assistant_only_loss else [True] * len(dialogue.input_ids)
        ids, labels = dialogue.input_ids, _labels(dialogue.input_ids, learned)
        if len(ids) > sft.max_length:
            ledger.lose(_over_length(sft), row["id"])
            if sft.over_length == "drop":
                continue
            ids, labels = ids[: sft.max_length], labels[: sft.max_length]
        if all(label == IGNORED for label in labels[1:]):
            ledger.lose(NOTHING, row["id"])
            continue
        ledger.context_turns += dialogue.context_turns if sft.assistant_only_loss else 0
        encoded.append({"input_ids": ids, "labels": labels, "weight": float(row.get("weight", 1.0))} | _kept(row))
    return encoded, ledger


def encode_pairs(
    tokenizer: Any, rows: Iterable[dict], align: Align, system_prompt: str | None
) -> tuple[list[dict], Ledger]:
    """Encode preference pairs as a shared prefix and two branches.

    The prefix is the longest common start of the two dialogues' ids that neither's completion has begun, so that
    prefix + branch is exactly the dialogue as it would be encoded alone.

    Returns:
        Rows ``{"prefix", "chosen", "rejected", "id", "lang"}`` (lists of ids), and the ledger.
    """
    encoded, ledger = [], Ledger()
    for row in rows:
        ledger.rows += 1
        prompt = with_system_prompt(row["prompt"], system_prompt)
        try:
            sides = [encode_dialogue(tokenizer, prompt + row[side]) for side in ("chosen", "rejected")]
        except UnstableTemplateError:
            ledger.lose(REFUSED, row["id"])
            continue
        starts = [_completion_start(side.assistant) for side in sides]
        prefix = _common_prefix(sides[0].input_ids, sides[1].input_ids, min(starts))
        if prefix != max(starts):
            ledger.lose(ENCODED_DIFFERENTLY, row["id"])
            continue
        ends = [_completion_end(side.assistant) for side in sides]
        if max(ends) > align.max_length:
            ledger.lose(_over_length(align), row["id"])
            if align.over_length == "drop" or prefix + 1 >= align.max_length:
                continue
        chosen, rejected = (
            side.input_ids[prefix : min(end, align.max_length)] for side, end in zip(sides, ends, strict=True)
        )
        if chosen == rejected:
            ledger.lose(NOTHING, row["id"])
            continue
        encoded.append({"prefix": sides[0].input_ids[:prefix], "chosen": chosen, "rejected": rejected} | _kept(row))
    return encoded, ledger


def _kept(row: dict) -> dict[str, str]:
    return {"id": row["id"], "lang": row.get("lang", "")}  # rows made by hand may have no language


def _labels(ids: list[int], learned: list[bool]) -> list[int]:
    return [token if learn else IGNORED for token, learn in zip(ids, learned, strict=True)]


def _over_length(training: Training) -> str:
    return OVER_LENGTH if training.over_length == "drop" else TRUNCATED


def _completion_start(assistant: list[bool]) -> int:
    """Return where the last assistant turn begins."""
    last = _completion_end(assistant) - 1
    while last > 0 and assistant[last - 1]:
        last -= 1
    return last


def _completion_end(assistant: list[bool]) -> int:
    """Return where the last assistant turn ends; what a template puts after the end of turn is not learned."""
    return len(assistant) - assistant[::-1].index(True)


def _common_prefix(left: list[int], right: list[int], limit: int) -> int:
    length = 0
    while length < limit and left[length] == right[length]:
        length += 1
    return length
