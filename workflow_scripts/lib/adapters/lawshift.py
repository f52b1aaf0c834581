"""LawShift: legal cases, and the statutes under which they are to be judged, before and after a change of the law.

``<change>/original.json`` is judged by ``articles_original.json`` of the same folder, ``<change>/poisoned.json`` by
``articles_poisoned.json``. Poisoned cases keep the old charge and term: what is right under the new law follows from
the name of the folder alone. ``training_set.json`` stands in no folder, and ``original_case_pool.json`` holds the cases
that the folders were made from. Statutes are ``{"354-0-0": text}`` or rows of ``id`` and ``content``.
"""

import re
from collections.abc import Iterable, Iterator
from pathlib import PurePosixPath
from typing import Any, Literal

from pydantic import field_validator

from workflow_scripts.lib.adapters.base import Context, Row, attempt, field, used_by
from workflow_scripts.lib.adapters.lawshift_labels import EXTREME_MONTHS, LABELS, expectation
from workflow_scripts.lib.adapters.lawshift_statutes import Statutes
from workflow_scripts.lib.adapters.options import AdapterOptions
from workflow_scripts.lib.adapters.values import number_or_none, text_in
from workflow_scripts.lib.config.fields import Text, optional
from workflow_scripts.lib.config.options import hint
from workflow_scripts.lib.errors import UserError
from workflow_scripts.lib.records import Drop, RawRow, RejectedRowError, group_of, message, sft_row, text_of

USES = ("sft", "evaluation")
SHAPES = (("fact", "relevant_articles"), ("id", "content"))
OPTIONAL = ("charge", "prison_time", "label")
_ARTICLE = re.compile(r"\d+-\d+-\d+")
_ASKED = (
    "根据案件事实和法条预测判决。有罪写 <answer> 罪名 | 刑期 </answer>，刑期是月数，无期徒刑和死刑写 XT；"
    "无罪写 <answer> 不违规 </answer>。"
)
_NEW_LAW = "法条已经修改，按新法判断。"


class Options(AdapterOptions):
    """``cases``: which of the files with cases become rows; ``statutes``: the folder whose ``articles_original.json``
    is quoted to cases that stand in no folder (an article that it lacks is looked up in the others).
    """

    cases: Literal["all", "training_set", "folders"] = "all"
    statutes: optional(Text) = None

    @field_validator("statutes")
    @classmethod
    def _is_a_folder(cls, name: str | None) -> str | None:
        if name is not None and name not in LABELS:
            raise ValueError(f"{hint(name, LABELS)}choose one of: {', '.join(sorted(LABELS))}")
        return name


def fits(row: dict[str, Any]) -> bool:
    """Tell whether a record is a statute book, whose columns are the numbers of articles."""
    return bool(row) and all(isinstance(name, str) and _ARTICLE.fullmatch(name) for name in row)


def convert(rows: Iterable[RawRow], options: Options, context: Context) -> Iterator[Row | Drop]:
    """Read all cases first: the statutes they need may stand in a later file."""
    cases: list[RawRow] = []
    pages: list[RawRow] = []
    statutes = Statutes()
    for raw in rows:
        if "fact" in raw.value:
            cases.append(raw)
            continue
        articles = attempt(raw, _articles)
        if isinstance(articles, Drop):
            yield articles
        else:
            statutes.add(_change(raw), _law(raw), articles)
            pages.append(raw)
    book = options.statutes or ""
    if book and not statutes.has(book, "original"):
        raise UserError(
            f"no statutes of {book} among the files",
            f"sources.{context.source}.options.statutes",
            f"let `from` name {book}/articles_original.json as well, or choose another folder",
        )
    judged_by: dict[tuple[str, str], str] = {}  # a statute book -> the first row that quotes it
    for raw in cases:
        if not _is_wanted(raw, options.cases):
            yield Drop(raw.id, "other_cases", f"the source takes {options.cases} only")
            continue
        made = attempt(raw, lambda raw: _row(raw, statutes, book, context))
        if not isinstance(made, Drop):
            for law in {"original", _law(raw)}:
                for change in {"", _change(raw) or book}:
                    judged_by.setdefault((change, law), raw.id)
        yield made
    for raw in pages:
        user = judged_by.get((_change(raw), _law(raw)))
        yield used_by(raw.id, user) if user else Drop(raw.id, "unused_statute", "no case here is judged by it")


def _is_wanted(raw: RawRow, cases: str) -> bool:
    if cases == "training_set":
        return not _change(raw) and _file(raw).startswith("training_set")
    return cases == "all" or bool(_change(raw))


def _file(raw: RawRow) -> str:
    return PurePosixPath(raw.id.rpartition("#")[0]).name


def _change(raw: RawRow) -> str:
    """Return the change of law that a record belongs to, by its folder; empty for none."""
    return raw.folder if raw.folder in LABELS else ""


def _law(raw: RawRow) -> str:
    return "poisoned" if "poisoned" in _file(raw) else "original"


def _articles(raw: RawRow) -> dict[str, str]:
    row = raw.value
    if fits(row):
        return {name: text_of(value, f"article {name}") for name, value in row.items()}
    return {text_of(field(row, "id"), "id"): text_of(field(row, "content"), "content")}


def _row(raw: RawRow, statutes: Statutes, book: str, context: Context) -> Row:
    row, change, law = raw.value, _change(raw), _law(raw)
    fact = text_of(field(row, "fact"), "fact")
    numbers = field(row, "relevant_articles")
    if not isinstance(numbers, list):
        raise RejectedRowError("wrong_type", f"relevant_articles is {type(numbers).__name__}, not a list")
    numbers = [text_of(number, "relevant_articles") for number in numbers]
    if law == "poisoned" and not change:
        raise RejectedRowError("unknown_change", "what is right follows from the folder, and this one is not known")
    meta = {"fact": fact, "relevant_articles": numbers, "law": law}
    meta |= ({"change": change} | expectation(change, law)) if change else {}
    meta |= _judgement(row, "old_" if law == "poisoned" else "")
    old = statutes.quoted(numbers, change or book, "original")
    if law == "original":
        asked = f"{_ASKED}\n\n【案件事实】\n{fact}\n\n【相关法条】\n{old}"
    else:
        new = statutes.quoted(numbers, change, "poisoned")
        asked = f"{_ASKED}{_NEW_LAW}\n\n【案件事实】\n{fact}\n\n【旧法】\n{old}\n\n【新法】\n{new}"
    messages = [message("user", asked)]
    if context.use == "sft":
        messages.append(message("assistant", f"<answer> {_answer(row, change, law)} </answer>"))
    return sft_row(raw.id, context.source, messages, group=group_of(fact), meta=meta)


def _judgement(row: dict[str, Any], prefix: str) -> dict[str, Any]:
    """Return charge and term as the court gave them, under names that say so when they are right no longer."""
    charge, term = text_in(row, "charge"), _months(row)
    told = {f"{prefix}charge": charge} if charge else {}
    return told | ({f"{prefix}prison_time": term} if term is not None else {})


def _months(row: dict[str, Any]) -> int | None:
    """Return the term in months as the data have it; XT, life or death, is the number for life."""
    value = row.get("prison_time")
    if isinstance(value, str) and value.strip().upper() == "XT":
        return EXTREME_MONTHS[0]
    number = number_or_none(value)
    if value is not None and (number is None or number < 0 or number != int(number)):
        raise RejectedRowError("bad_term", "prison_time is no number of months")
    return None if number is None else int(number)


def _answer(row: dict[str, Any], change: str, law: str) -> str:
    """Return what a model should answer.

    Raises:
        RejectedRowError: ``no_gold`` where the data say no more than whether the term goes up or down.
    """
    right = expectation(change, law) if change else {"verdict": "V", "extreme": False, "label": ""}
    charge, term = text_in(row, "charge"), _months(row)
    if right["verdict"] == "NV" or (not charge and row.get("label") == "NV"):
        return "不违规"
    if law == "poisoned" and right["label"] in ("TU", "TD", "NX"):
        raise RejectedRowError("no_gold", f"under the new law ({change}) the right term is not known")
    if not charge:
        raise RejectedRowError("missing_field", "charge is absent")
    if right["extreme"] or term in EXTREME_MONTHS:
        return f"{charge} | XT"
    if term is None:
        raise RejectedRowError("missing_field", "prison_time is absent")
    return f"{charge} | {term}"
