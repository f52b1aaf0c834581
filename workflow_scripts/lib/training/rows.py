"""Turn split rows into token ids and labels; every row that is lost on the way is counted and named."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from workflow_scripts.lib.chat_template import UnstableTemplateError, encode_dialogue, with_system_prompt
from workflow_scripts.lib.config.training import Align, Sft, Training
from workflow_scripts.lib.errors import UserError

IGNORED = -100  # label of tokens that are not learned, as everywhere in transformers


@dataclass
class Ledger:
    """What became of the rows: how many were read, and the ids of those dropped or truncated, by reason."""

    rows: int = 0
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
        lost = sum(len(ids) for ids in self.lost.values())
        if self.rows == 0 or lost / self.rows > max_lost_ratio:
            reasons = "; ".join(f"{reason}: {len(ids)} (first: {ids[0]})" for reason, ids in self.lost.items())
            raise UserError(
                f"{lost} of {self.rows} rows would be dropped or truncated ({reasons or 'no rows'}), "
                f"more than the allowed share of {max_lost_ratio}",
                f"{section}.max_length, {section}.max_lost_ratio",
                "raise max_length, clean long rows out with clean.max_tokens, or raise max_lost_ratio",
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
            ledger.lose("template_changes_earlier_turns", row["id"])
            continue
        learned = dialogue.assistant if sft.assistant_only_loss else [True] * len(dialogue.input_ids)
        ids, labels = dialogue.input_ids, _labels(dialogue.input_ids, learned)
        if len(ids) > sft.max_length:
            ledger.lose(_over_length(sft), row["id"])
            if sft.over_length == "drop":
                continue
            ids, labels = ids[: sft.max_length], labels[: sft.max_length]
        if all(label == IGNORED for label in labels[1:]):
            ledger.lose("nothing_to_learn", row["id"])
            continue
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
            ledger.lose("template_changes_earlier_turns", row["id"])
            continue
        starts = [_completion_start(side.assistant) for side in sides]
        prefix = _common_prefix(sides[0].input_ids, sides[1].input_ids, min(starts))
        if prefix != max(starts):
            ledger.lose("prompt_encoded_differently", row["id"])
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
            ledger.lose("nothing_to_learn", row["id"])
            continue
        encoded.append({"prefix": sides[0].input_ids[:prefix], "chosen": chosen, "rejected": rejected} | _kept(row))
    return encoded, ledger


def _kept(row: dict) -> dict[str, str]:
    return {"id": row["id"], "lang": row.get("lang", "")}  # rows made by hand may have no language


def _labels(ids: list[int], learned: list[bool]) -> list[int]:
    return [token if learn else IGNORED for token, learn in zip(ids, learned, strict=True)]


def _over_length(training: Training) -> str:
    return "over_length_dropped" if training.over_length == "drop" else "over_length_truncated"


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
