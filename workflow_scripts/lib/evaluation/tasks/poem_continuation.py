"""Choose the true rest of a poem among four."""

import random
from collections import defaultdict
from collections.abc import Iterable
from typing import Any

from workflow_scripts.lib.errors import UserError

CHOICES = 4


def build_rows(rows: Iterable[dict], seed: int) -> list[dict]:
    """Return ``{"id", "query", "choices", "gold"}`` for each poem of the test split.

    The wrong rests belong to other poems of the same form, so that the form alone gives nothing away; which ones,
    and where the true one stands, is drawn for each poem from the seed and its id.

    Args:
        rows: SFT rows; those with ``meta.form``, one user message and one reply are taken.

    Raises:
        UserError: If no form has four different rests.
    """
    poems = [row for row in rows if _is_usable(row)]
    rests: dict[str, list[str]] = defaultdict(list)
    for row in poems:
        rests[row["meta"]["form"]].append(_rest(row))
    rests = {form: list(dict.fromkeys(found)) for form, found in rests.items()}
    built = [_row(row, rests[row["meta"]["form"]], seed) for row in poems if len(rests[row["meta"]["form"]]) >= CHOICES]
    if not built:
        raise UserError(
            f"poem_continuation needs {CHOICES} poems of one form, the test split has "
            f"{max(map(len, rests.values()), default=0)}",
            "eval.tasks",
            "give split.test a larger share, use more poems, or take the task out of eval.tasks",
        )
    return built


def definition(data_file: str) -> dict[str, Any]:
    """Return the task as lm-evaluation-harness 0.4 reads it from YAML.

    Args:
        data_file: Path of the rows, relative to the folder that the harness is started in.
    """
    return {
        "task": "poem_continuation",
        "dataset_path": "json",
        "dataset_kwargs": {"data_files": {"test": data_file}},
        "test_split": "test",
        "output_type": "multiple_choice",
        "doc_to_text": "{{query}}",
        "doc_to_choice": "{{choices}}",
        "doc_to_target": "gold",
        # Chinese, and a chat template before it: a space would be a token that training never showed
        "target_delimiter": "",
        "metric_list": [
            {"metric": "acc", "aggregation": "mean", "higher_is_better": True},
            {"metric": "acc_norm", "aggregation": "mean", "higher_is_better": True},
        ],
        "metadata": {"version": 1.0},
    }


def _is_usable(row: dict) -> bool:
    return bool(row.get("meta", {}).get("form")) and [m["role"] for m in row["messages"]] == ["user", "assistant"]


def _rest(row: dict) -> str:
    return row["messages"][1]["content"]


def _row(row: dict, rests: list[str], seed: int) -> dict:
    draw = random.Random(f"{seed} {row['id']}")
    true = _rest(row)
    wrong = [rest for rest in draw.sample(rests, CHOICES) if rest != true][: CHOICES - 1]
    gold = draw.randrange(CHOICES)
    choices = [*wrong[:gold], true, *wrong[gold:]]
    return {"id": row["id"], "query": row["messages"][0]["content"], "choices": choices, "gold": gold}
