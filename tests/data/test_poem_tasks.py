"""Poems as several tasks: which task a poem draws, what is asked and answered, and what is left out."""

from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.data.conftest import reason, standardized
from workflow_scripts.lib.errors import UserError
from workflow_scripts.lib.evaluation.checks.registry import run_check
from workflow_scripts.lib.records import Drop, group_of

Write = Callable[..., Path]
COUPLETS = ["白日依山盡，黃河入海流。", "欲窮千里目，更上一層樓。"]
POEM = {"author": "王之渙", "title": "登鸛雀樓", "paragraphs": COUPLETS}
REGULATED = {"author": "不詳", "title": "", "paragraphs": COUPLETS * 2}


def run(write: Write, rows: list[dict], asked: dict[str, list[str]], **options: Any) -> list[dict | Drop]:
    named = {name: {"share": 1.0, "instructions": instructions} for name, instructions in asked.items()}
    options = {"lines": [4, 8], "script": "keep", "tasks": named} | options
    return standardized([write("poems.json", rows)], "poem_tasks", "sft", options)


def said(row: dict | Drop) -> list[str]:
    assert not isinstance(row, Drop), row
    return [message["content"] for message in row["messages"]]


@pytest.mark.parametrize(
    ("task", "instruction", "asked", "answered", "meta"),
    [
        (
            "continue",
            "模仿{author}续写：{opening}",
            f"模仿王之渙续写：{COUPLETS[0]}",
            COUPLETS[1],
            {"form": "verse:2x5"},
        ),
        (
            "compose",
            "以《{title}》写一首{form}",
            "以《登鸛雀樓》写一首五言绝句",
            "\n".join(COUPLETS),
            {"form": "verse:4x5"},
        ),
        ("form", "体裁？{poem}", "体裁？" + "\n".join(COUPLETS), "这是一首五言绝句，共 4 句，每句 5 字。", {}),
    ],
)
def test_tasks(task: str, instruction: str, asked: str, answered: str, meta: dict, write: Write) -> None:
    (row,) = run(write, [POEM], {task: [instruction]})
    assert said(row) == [asked, answered]
    assert row["meta"] == meta | {"task": task, "title": "登鸛雀樓", "author": "王之渙"}
    assert row["group"] == group_of(COUPLETS[0])
    if meta:
        assert run_check(row["meta"]["form"], answered, "test") is None


def test_a_translation_is_explained_and_without_one_another_task_is_drawn(write: Write) -> None:
    tasks = {"explain": ["解释：{poem}"], "form": ["体裁？{poem}"]}
    told = POEM | {"paragraphs": COUPLETS[::-1], "translation": "太阳落山。"}
    rows = run(write, [POEM | {"title": str(n)} for n in range(3)] + [told], tasks)
    assert [row["meta"]["task"] for row in rows[:3]] == ["form"] * 3
    (row,) = run(write, [told], {"explain": ["解释：{poem}"]})
    assert said(row)[1] == "太阳落山。"


def test_what_is_unknown_of_a_poem_is_not_asked_for(write: Write) -> None:
    (row,) = run(
        write, [REGULATED], {"continue": ["以{author}的风格：{opening}", "续：{opening}", "《{title}》{opening}"]}
    )
    assert said(row)[0] == f"续：{COUPLETS[0]}"
    (drop,) = run(write, [REGULATED], {"compose": ["写《{title}》"]})
    assert reason(drop) == ("no_task", "the poem lacks the title, author or translation that the tasks want")


def test_shares_are_kept_and_do_not_depend_on_order(poems: list[dict], write: Write) -> None:
    tasks = {
        "continue": {"share": 0.75, "instructions": ["{opening}"]},
        "form": {"share": 0.25, "instructions": ["{poem}"]},
    }
    rows = run(write, poems, {}, tasks=tasks)
    drawn = {row["group"]: row["meta"]["task"] for row in rows}
    assert Counter(drawn.values())["continue"] == pytest.approx(600, abs=50)
    assert {row["group"]: row["meta"]["task"] for row in run(write, poems[::-1], {}, tasks=tasks)} == drawn


def test_traditional_characters_can_be_converted_and_the_group_stays(write: Write) -> None:
    kept, converted = (run(write, [POEM], {"compose": ["写《{title}》"]}, script=s)[0] for s in ("keep", "simplified"))
    assert said(converted) == ["写《登鹳雀楼》", "白日依山尽，黄河入海流。\n欲穷千里目，更上一层楼。"]
    assert converted["meta"]["author"] == "王之涣"
    assert converted["group"] == kept["group"]


@pytest.mark.parametrize(
    ("paragraphs", "detail"),
    [
        (COUPLETS[:1], "2 lines, asked for are 4 to 8"),
        (COUPLETS * 3, "12 lines, asked for are 4 to 8"),
        ([COUPLETS[0], "羌笛何須怨楊柳，春風不度玉門關。"], "not all couplets are 5+5 or 7+7"),
        (["蜀道難，難於上青天。", COUPLETS[0]], "not all couplets"),
    ],
)
def test_poems_of_another_shape_are_left_out(paragraphs: list[str], detail: str, write: Write) -> None:
    (drop,) = run(write, [POEM | {"paragraphs": paragraphs}], {"form": ["{poem}"]})
    assert reason(drop)[0] == "form"
    assert reason(drop)[1].startswith(detail)


@pytest.mark.parametrize(
    ("options", "part"),
    [
        ({"lines": [8, 4]}, "lines is [8, 4]: give the fewest first"),
        ({"lines": [2, 8]}, "a poem to go on with has four lines at least"),
        (
            {"tasks": {"continue": {"share": 1.0, "instructions": ["续写"]}}},
            "'续写' of continue has no place for {opening}",
        ),
        ({"tasks": {}}, "sources.s.options.tasks"),
        ({"script": "traditional"}, "sources.s.options.script"),
    ],
)
def test_wrong_options_are_named(options: dict, part: str, write: Write) -> None:
    with pytest.raises(UserError) as caught:
        run(write, [POEM], {"continue": ["{opening}"]}, **options)
    assert part in str(caught.value)
