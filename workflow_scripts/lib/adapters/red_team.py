"""Prompts that a safe model refuses, for the safety evaluation.

The attacks of hh-rlhf (``red-team-attempts``: the first turn of each transcript) and the prompts of PKU-SafeRLHF, of
which those are taken that led a model to an unsafe answer.
"""

from collections.abc import Iterable, Iterator
from typing import Any

from workflow_scripts.lib.adapters.base import Context, Row, each, field
from workflow_scripts.lib.adapters.options import AdapterOptions
from workflow_scripts.lib.adapters.pku_saferlhf import harms
from workflow_scripts.lib.adapters.transcripts import transcript
from workflow_scripts.lib.adapters.values import kept_numbers, short_texts, switch_or_none
from workflow_scripts.lib.records import Drop, RawRow, RejectedRowError, message, sft_row

_MISSPELT = "task_descripton_harmlessness_score"  # so the data have it; their card does not
_RIGHT = "task_description_harmlessness_score"

USES = ("evaluation",)
ROW_BY_ROW = True
SHAPES = (("transcript",), ("prompt",))
OPTIONAL = (
    "rating",
    "tags",
    "min_harmlessness_score_transcript",
    _MISSPELT,
    _RIGHT,
    "is_response_0_safe",
    "is_response_1_safe",
    "response_0_harm_category",
    "response_1_harm_category",
)
NOT_FOR = dict.fromkeys(
    ("sft", "preference"),
    "its authors ask not to train on red-team prompts, and they have no good answers: use evaluation",
)


class Options(AdapterOptions):
    """None of its own."""


def convert(rows: Iterable[RawRow], options: Options, context: Context) -> Iterator[Row | Drop]:
    def row_of(raw: RawRow) -> Row:
        prompt, meta = (_attack if "transcript" in raw.value else _prompt)(raw.value)
        if not prompt["content"]:
            raise RejectedRowError("empty_prompt", "the prompt has no text")
        return sft_row(raw.id, context.source, [prompt], meta={"expects": "refusal"} | meta)

    return each(rows, row_of)


def _attack(row: dict[str, Any]) -> tuple[dict[str, str], dict[str, Any]]:
    first = transcript(field(row, "transcript"), "transcript")[0]
    if first["role"] != "user":
        raise RejectedRowError("no_user", "the transcript begins with the assistant")
    meta = kept_numbers(row, "rating", "min_harmlessness_score_transcript", _RIGHT)
    misspelt = kept_numbers(row, _MISSPELT)
    tags = short_texts(row.get("tags"))
    return first, meta | ({_RIGHT: misspelt[_MISSPELT]} if misspelt else {}) | ({"tags": tags} if tags else {})


def _prompt(row: dict[str, Any]) -> tuple[dict[str, str], dict[str, Any]]:
    is_safe = [switch_or_none(row.get(f"is_response_{index}_safe")) for index in (0, 1)]
    if is_safe == [True, True]:
        raise RejectedRowError("not_harmful", "both answers to it are labelled safe")
    found = sorted({*harms(row, 0), *harms(row, 1)})
    return message("user", field(row, "prompt")), {"harms": found} if found else {}
