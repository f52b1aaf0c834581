"""What standardizing changes of a row's text, and everything that follows from the text."""

import json
from pathlib import Path

import pytest

from tests.data.conftest import NO_PARTS
from workflow_scripts import standardize
from workflow_scripts.lib.cleaning.edits import Edits, edited
from workflow_scripts.lib.cleaning.measures import measure
from workflow_scripts.lib.cleaning.reasoning import without_reasoning
from workflow_scripts.lib.jsonl import read_rows
from workflow_scripts.lib.records import message, preference_row, sft_row

BOTH = Edits(mask_personal_data=True, strip_reasoning=True)
NONE = Edits(mask_personal_data=False, strip_reasoning=False)


@pytest.mark.parametrize(
    ("reply", "left"),
    [
        ("<think>想一想</think>\n\n答案", "答案"),
        ("<think>\n</think>答案", "答案"),
        ("想一想</think>答案", "答案"),  # the template wrote the opening mark
        ("<think>a</think>一<think>b</think>二", "一二"),
        ("<Thinking>a</Thinking>一", "一"),
        ("<think>没有结尾", "<think>没有结尾"),
        ("一<think>没有结尾", "一<think>没有结尾"),
        ("我想 a < b", "我想 a < b"),
    ],
)
def test_thoughts_are_stripped_where_they_end(reply: str, left: str) -> None:
    assert without_reasoning(reply) == left


def dialogue(prompt: str, reply: str) -> dict:
    return sft_row("s/f#0", "s", [message("user", prompt), message("assistant", reply)])


def test_a_masked_row_is_the_row_of_the_masked_text() -> None:
    row = dialogue("我的电话是13912345678", "<think>记下</think>好的，已记下 a@qq.com")
    found = edited(row, BOTH)
    expected = dialogue("我的电话是[手机号]", "好的，已记下 [邮箱]")
    assert found["meta"] == {"edits": ["masked_email", "masked_mobile_number", "stripped_reasoning"]}
    assert {key: value for key, value in found.items() if key != "meta"} == expected
    assert list(found) == ["id", "source", "messages", "lang", "group", "meta", "hash"]


def test_rows_that_differ_only_in_what_is_masked_become_duplicates() -> None:
    rows = [dialogue(f"我的电话是{number}", "好") for number in ("13912345678", "13812345678")]
    assert rows[0]["hash"] != rows[1]["hash"]
    found = [edited(row, BOTH) for row in rows]
    assert found[0]["hash"] == found[1]["hash"] and found[0]["group"] == found[1]["group"]


def test_a_pair_is_masked_on_both_sides_and_keeps_its_meta_and_given_group() -> None:
    prompt = [message("user", "打给我")]
    row = preference_row("s/f#0", "s", prompt, "打13912345678", "写a@qq.com", group="tree", meta={"score": 3})
    found = edited(row, BOTH)
    assert (found["chosen"][0]["content"], found["rejected"][0]["content"]) == ("打[手机号]", "写[邮箱]")
    assert found["meta"] == {"score": 3, "edits": ["masked_email", "masked_mobile_number"]}
    assert found["group"] == "tree" and found["prompt"] == row["prompt"]
    assert list(found) == ["id", "source", "prompt", "chosen", "rejected", "lang", "group", "meta", "hash"]


def test_what_meta_quotes_of_a_text_is_masked_too() -> None:
    told = {"fact": "电话13912345678", "months": 7, "authors": ["a@qq.com", "甲"]}
    row = sft_row("s/f#0", "s", [message("user", "案情：电话13912345678"), message("assistant", "好")], meta=told)
    masked = {"fact": "电话[手机号]", "months": 7, "authors": ["[邮箱]", "甲"]}
    assert edited(row, BOTH)["meta"] == masked | {"edits": ["masked_mobile_number"]}
    assert edited(row, Edits(mask_personal_data=False, strip_reasoning=True)) is row


def test_nothing_to_change_is_the_very_same_row() -> None:
    row = dialogue("白日依山尽", "黄河入海流")
    assert edited(row, BOTH) is row
    told = dialogue("我的电话是13912345678", "<think>记下</think>好")
    assert edited(told, NONE) is told


def test_thoughts_of_the_user_are_no_reasoning() -> None:
    row = dialogue("<think>标签</think>是什么", "一个标签")
    assert edited(row, BOTH) is row


def test_standardizing_edits_and_measures_tell(tmp_path: Path) -> None:
    raw = [{"instruction": "电话", "output": "打13912345678"}, {"instruction": "诗", "output": "黄河入海流"}]
    (tmp_path / "raw.json").write_text(json.dumps(raw), encoding="utf-8")
    source = {"use": "sft", "adapter": "alpaca", "options": {}}
    config = {"seed": 42, "source": source, "edits": BOTH.model_dump()}
    files = {name: tmp_path / name for name in ("raw.json", "rows.jsonl", "drops.jsonl", "sums.json")}
    flags = [part for path in files.values() for part in (f"--{path.stem}", str(path))]
    standardize.main(["--config", json.dumps(config), "--source", "s", *NO_PARTS, *flags])
    rows = list(read_rows(files["rows.jsonl"]))
    assert [row["messages"][1]["content"] for row in rows] == ["打[手机号]", "黄河入海流"]
    (measures,) = measure(files["rows.jsonl"], 4, [])
    assert measures["edits"].to_list() == [["masked_mobile_number"], []]
    assert measures["personal_data"].to_list() == [[], []]
