"""Local harness tasks: the true rest among four of the same form, drawn by seed and id."""

from pathlib import Path
from typing import Any

import pytest
import yaml
from evaluation_samples import arguments, poem_row

from workflow_scripts import write_eval_tasks as script
from workflow_scripts.lib import jsonl
from workflow_scripts.lib.errors import UserError
from workflow_scripts.lib.evaluation.tasks import poem_continuation, registry


def rest(row: dict) -> str:
    return row["messages"][1]["content"]


@pytest.mark.parametrize("name", sorted(registry.MODULES))
def test_registered_tasks_define_themselves(name: str) -> None:
    task: Any = registry.load(name)
    definition = task.definition("rows.jsonl")
    assert definition["task"] == name
    assert definition["dataset_kwargs"]["data_files"] == {"test": "rows.jsonl"}


def test_rows(poems: list[dict]) -> None:
    built = poem_continuation.build_rows(poems, 42)
    assert [row["id"] for row in built] == [poem["id"] for poem in poems]
    for row, poem in zip(built, poems, strict=True):
        assert row["query"] == poem["messages"][0]["content"]
        assert row["choices"][row["gold"]] == rest(poem)
        assert len(set(row["choices"])) == 4
        assert set(row["choices"]) <= {rest(other) for other in poems}
    assert {row["gold"] for row in built} == {0, 1, 2, 3}


def test_wrong_rests_have_the_same_form(poems: list[dict]) -> None:
    seven = [{**poem_row(number), "id": f"seven/{number}", "meta": {"form": "quatrain7"}} for number in range(50, 57)]
    built = poem_continuation.build_rows([*poems, *seven], 42)
    assert len(built) == 21
    for row in built:
        own = seven if row["id"].startswith("seven") else poems
        assert set(row["choices"]) <= {rest(other) for other in own}


def test_the_seed_and_the_id_decide(poems: list[dict]) -> None:
    one, again, other = (poem_continuation.build_rows(poems, seed) for seed in (1, 1, 2))
    assert one == again
    assert [row["choices"] for row in one] != [row["choices"] for row in other]


def test_a_rest_that_two_poems_share_is_no_choice_twice(poems: list[dict]) -> None:
    twin = {**poems[0], "id": "poems/twin"}
    for row in poem_continuation.build_rows([*poems[:4], twin], 3):
        assert len(set(row["choices"])) == 4


def test_rows_of_other_shapes_are_left_out(poems: list[dict]) -> None:
    long = {**poems[1], "id": "long", "messages": poems[1]["messages"] * 2}
    formless = {**poems[2], "id": "formless", "meta": {"title": "x"}}
    built = poem_continuation.build_rows([long, formless, *poems[4:9]], 0)
    assert [row["id"] for row in built] == [poem["id"] for poem in poems[4:9]]


def test_a_form_with_too_few_poems_is_left_out(poems: list[dict]) -> None:
    seven = [{**poem_row(60), "id": "seven", "meta": {"form": "quatrain7"}}]
    built = poem_continuation.build_rows([*seven, *poems], 0)
    assert [row["id"] for row in built] == [poem["id"] for poem in poems]


def test_too_few_poems(poems: list[dict]) -> None:
    with pytest.raises(UserError) as caught:
        poem_continuation.build_rows(poems[:3], 0)
    assert caught.value.what == "poem_continuation needs 4 poems of one form, the test split has 3"
    assert caught.value.where == "eval.tasks"


def test_the_script(poems: list[dict], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    jsonl.write_rows(Path("test.jsonl"), poems)
    files = {"task_yaml": Path("tasks/poem.yaml"), "task_rows": Path("tasks/poem.jsonl")}
    script.main(arguments(config={"seed": 42}, task="poem_continuation", rows="test.jsonl", **files))
    definition = yaml.safe_load(files["task_yaml"].read_text(encoding="utf-8"))
    assert definition["dataset_kwargs"] == {"data_files": {"test": "tasks/poem.jsonl"}}
    assert definition["output_type"] == "multiple_choice"
    assert [metric["metric"] for metric in definition["metric_list"]] == ["acc", "acc_norm"]
    assert list(jsonl.read_rows(files["task_rows"])) == poem_continuation.build_rows(poems, 42)
