"""Which replies are right, and what becomes of them: rows to learn, sampled rows, pairs, a ledger, and figures."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from workflow_scripts.lib.accounting import Sums
from workflow_scripts.lib.records import Drop, message, preference_row, sft_row
from workflow_scripts.lib.sampling.jobs import question
from workflow_scripts.lib.verifiers.base import Verdict, gold_of, wrong

STEP = "sampling"
NONE_RIGHT = "no_right_reply"
_UNFINISHED = wrong("not_stopped")  # it would teach a model not to end

Row = dict[str, Any]
Verify = Callable[[str, Row], Verdict]


@dataclass
class Judged:
    """The replies to one split's rows.

    Attributes:
        learned: SFT rows of right replies; those of one case weigh as much as the case did.
        sampled: The task's own columns, the reply, and how many to the case are right.
        pairs: Preference rows of a right and a wrong reply.
        drops: Cases without any right reply.
        whys: Verdict -> number of replies.
    """

    num_cases: int = 0
    num_replies: int = 0
    learned: list[Row] = field(default_factory=list)
    sampled: list[Row] = field(default_factory=list)
    pairs: list[Row] = field(default_factory=list)
    drops: list[Drop] = field(default_factory=list)
    whys: Counter[str] = field(default_factory=Counter)

    def figures(self) -> dict[str, Any]:
        """Return the sums; a case is a prompt. Ratios are 0-1."""
        accepted = len(self.sampled)
        return {
            "samples": self.num_cases,
            "replies": self.num_replies,
            "accepted": accepted,
            "rate": round(accepted / self.num_replies, 6) if self.num_replies else 0.0,
            "cases_without_any": len(self.drops),
            "mean_per_case": round(accepted / self.num_cases, 6) if self.num_cases else 0.0,
            "verdicts": dict(sorted(self.whys.items())),
            "pairs": len(self.pairs),
        }

    def check(self, split: str) -> None:
        """Check that every case is learned from or stands in the ledger."""
        cases = self.num_cases - len(self.drops)
        dropped = dict(Counter(drop.reason for drop in self.drops))
        further = len(self.learned) - cases
        Sums(STEP, "rows", self.num_cases, len(self.learned), dropped, further=further).check(split)


def judge(
    rows: Iterable[Row],
    replies: Iterator[Row],
    verify: Verify,
    columns: Callable[[Row], Row],
    *,
    with_pairs: bool,
) -> Judged:
    """Judge all replies to these rows.

    Args:
        rows: SFT rows of a split.
        replies: What ``sampling.sample`` gave, from that of the first row on, of which as many are taken.
        verify: Reply, row -> verdict.
        columns: Row -> columns that a sampled row begins with.
        with_pairs: Whether wrong replies are paired with right ones.

    Raises:
        RuntimeError: If rows and replies are not of the same run.
    """
    judged = Judged()
    for row in rows:
        written = next(replies, {"id": None})
        if written["id"] != row["id"]:
            raise RuntimeError(f"the next replies are to {written['id']}, not to {row['id']}")
        _judge_case(judged, row, written, verify, columns, with_pairs)
    return judged


def _judge_case(
    judged: Judged, row: Row, written: Row, verify: Verify, columns: Callable[[Row], Row], with_pairs: bool
) -> None:
    texts = [reply["text"] for reply in written["replies"]]
    verdicts = [verify(reply["text"], row) if reply["stopped"] else _UNFINISHED for reply in written["replies"]]
    judged.num_cases += 1
    judged.num_replies += len(texts)
    judged.whys.update(verdict.why for verdict in verdicts)
    right = [number for number, verdict in enumerate(verdicts) if verdict.right]
    if not right:
        found = Counter(verdict.why for verdict in verdicts).most_common()
        detail = ", ".join(f"{why} {count}" for why, count in found)
        judged.drops.append(Drop(row["id"], written.get("fault", NONE_RIGHT), detail))
        return
    for number in right:
        judged.learned.append(_learned(row, number, texts[number], row.get("weight", 1.0) / len(right)))
        judged.sampled.append(columns(row) | {"response": texts[number], "num_correct_for_this_sample": len(right)})
    if with_pairs:
        others = [number for number, verdict in enumerate(verdicts) if not verdict.right and verdict != _UNFINISHED]
        judged.pairs += [
            _pair(row, number, texts[number], texts[other], verdicts[other].why)
            for number, other in zip(right, others, strict=False)
        ]


def _learned(row: Row, number: int, text: str, weight: float) -> Row:
    messages = [*question(row), message("assistant", text)]
    name = f"{row['id']}+s{number}"
    return sft_row(name, row["source"], messages, group=row["group"], weight=weight, meta=row.get("meta"))


def _pair(row: Row, number: int, chosen: str, rejected: str, why: str) -> Row:
    texts = [message("assistant", text)["content"] for text in (chosen, rejected)]
    meta = {"derived": True, "rejected_for": why}
    return preference_row(f"{row['id']}+s{number}", row["source"], question(row), *texts, group=row["group"], meta=meta)


def with_gold(verify: Callable[..., Verdict], options: Any) -> Verify:
    """Return a verifier as a function of reply and row."""
    return lambda reply, row: verify(reply, gold_of(row), options)
