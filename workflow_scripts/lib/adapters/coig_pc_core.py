"""BAAI/COIG-PC-core: Chinese tasks as instruction, input and output, thousands of rows to a template."""

from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Any

from workflow_scripts.lib.adapters.base import Context, Row, each, field
from workflow_scripts.lib.adapters.conversations import joined
from workflow_scripts.lib.adapters.options import AdapterOptions
from workflow_scripts.lib.adapters.values import decoded, kept, short_texts, text_in
from workflow_scripts.lib.config.fields import Count, optional
from workflow_scripts.lib.records import Drop, RawRow, RejectedRowError, message, sft_row, text_of

USES = ("sft", "evaluation")
SHAPES = (("instruction", "input", "output", "task_name_in_eng"), ("instruction", "input", "output", "task_type"))
OPTIONAL = ("domain",)
NOT_FOR = {
    "preference": "COIG-PC-core is a collection of tasks with one output each (instruction, input, output); it has no "
    "chosen and rejected answers. Set use: sft; for Chinese pairs take llamafactory/DPO-En-Zh-20k (adapter dpo_en_zh) "
    "or m-a-p/COIG-P (adapter coig_p)"
}


class Options(AdapterOptions):
    """``max_rows_per_task``: rows to take of one ``task_name_in_eng``, the first ones in the files; null: all."""

    max_rows_per_task: optional(Count) = None


def convert(rows: Iterable[RawRow], options: Options, context: Context) -> Iterator[Row | Drop]:
    taken: Counter[str] = Counter()

    def row_of(raw: RawRow) -> Row:
        row = raw.value
        question = joined(text_of(field(row, "instruction"), "instruction"), text_in(row, "input"))
        messages = [message("user", question), message("assistant", field(row, "output"))]
        made = sft_row(raw.id, context.source, messages, meta=_meta(row))
        task = row.get("task_name_in_eng")
        if options.max_rows_per_task is not None and isinstance(task, str):
            if taken[task] == options.max_rows_per_task:
                raise RejectedRowError("over_task_cap", f"{task} has {taken[task]} rows already")
            taken[task] += 1
        return made

    return each(rows, row_of)


def _meta(row: dict[str, Any]) -> dict[str, Any]:
    kinds = decoded(row.get("task_type"))
    major = kinds.get("major") if isinstance(kinds, dict) else None
    joined_texts = {"task_type": "/".join(short_texts(major)), "domain": "/".join(short_texts(row.get("domain")))}
    return kept(row, "task_name_in_eng") | {name: text for name, text in joined_texts.items() if text}
