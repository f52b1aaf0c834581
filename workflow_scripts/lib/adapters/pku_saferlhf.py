"""PKU-Alignment/PKU-SafeRLHF: two answers, with one preference for helpfulness and another one for harmlessness.

The ids say which index wins. The two preferences often disagree: what is more helpful may be what does harm.
"""

from collections.abc import Iterable, Iterator
from typing import Any, Literal

from workflow_scripts.lib.adapters.base import Context, Row, each, field
from workflow_scripts.lib.adapters.options import AdapterOptions
from workflow_scripts.lib.adapters.values import decoded, number_or_none, switch_or_none
from workflow_scripts.lib.config.fields import Switch
from workflow_scripts.lib.records import Drop, RawRow, RejectedRowError, message, preference_row, text_of

USES = ("preference",)
ROW_BY_ROW = True
SHAPES = (
    ("prompt", "response_0", "response_1", "safer_response_id"),
    ("prompt", "response_0", "response_1", "better_response_id"),
)
OPTIONAL = (
    "is_response_0_safe",
    "is_response_1_safe",
    "response_0_severity_level",
    "response_1_severity_level",
    "response_0_harm_category",
    "response_1_harm_category",
)
_COLUMNS = {
    "safer": ("safer_response_id",),
    "better": ("better_response_id",),
    "both": ("safer_response_id", "better_response_id"),
}


class Options(AdapterOptions):
    """``prefer``: the safer answer, the better (more helpful) one, or both: pairs in which that is one answer.

    ``safe_chosen``: only pairs whose chosen answer is labelled safe, since the safer one of two may be unsafe too.
    """

    prefer: Literal["safer", "better", "both"]
    safe_chosen: Switch = False


def convert(rows: Iterable[RawRow], options: Options, context: Context) -> Iterator[Row | Drop]:
    def row_of(raw: RawRow) -> Row:
        row = raw.value
        answers = [text_of(field(row, f"response_{index}"), f"response_{index}") for index in (0, 1)]
        winners = {_winner(row, name) for name in _COLUMNS[options.prefer]}
        if len(winners) > 1:
            raise RejectedRowError("preferences_disagree", "the safer answer is not the better one")
        winner = winners.pop()
        is_safe = [switch_or_none(row.get(f"is_response_{index}_safe")) for index in (winner, 1 - winner)]
        if options.safe_chosen and not is_safe[0]:
            raise RejectedRowError("chosen_unsafe", f"response_{winner} is not labelled safe")
        prompt = [message("user", field(row, "prompt"))]
        meta = _meta(row, winner) | ({"is_safe": is_safe} if None not in is_safe else {})
        return preference_row(raw.id, context.source, prompt, answers[winner], answers[1 - winner], meta=meta)

    return each(rows, row_of)


def harms(row: dict[str, Any], index: int) -> list[str]:
    """Return the names of the harms that an answer was found to do."""
    found = decoded(row.get(f"response_{index}_harm_category"))
    names = found if isinstance(found, dict) else {}
    return sorted(name[:100] for name, value in names.items() if isinstance(name, str) and switch_or_none(value))[:50]


def _winner(row: dict[str, Any], name: str) -> int:
    number = number_or_none(field(row, name))
    if number not in (0, 1):
        raise RejectedRowError("no_preference", f"{name} is neither 0 nor 1")
    return int(number)


def _meta(row: dict[str, Any], winner: int) -> dict[str, Any]:
    """Return severities (0 = safe to 3), of the chosen answer first, and the harms of the rejected one."""
    levels = [number_or_none(row.get(f"response_{index}_severity_level")) for index in (winner, 1 - winner)]
    found = harms(row, 1 - winner)
    return ({"severities": levels} if None not in levels else {}) | ({"rejected_harms": found} if found else {})
