"""Every check: what passes, and the fault named when something does not."""

import pytest

from workflow_scripts.lib.errors import UserError
from workflow_scripts.lib.evaluation.checks.registry import CHECKS, run_check
from workflow_scripts.lib.evaluation.repetition import repetition

CASES = [
    ("quatrain5", "山空猨屢嘯，林靜鶴頻驚。", None),
    ("quatrain5", " 山空猨屢嘯，林靜鶴頻驚。\n", None),
    ("quatrain5", "㐀𠀀猨屢嘯，林靜鶴頻驚。", None),  # extension A and B are Han too
    ("quatrain5", "", "empty"),
    ("quatrain5", "  \n", "empty"),
    ("quatrain5", "山空猨屢嘯a林靜鶴頻驚。", "foreign script"),
    ("quatrain5", "The moon is bright", "foreign script"),
    ("quatrain5", "山空猨屢嘯，林靜鶴頻驚。2", "foreign script"),
    ("quatrain5", "やま空猨屢，林靜鶴頻驚。", "foreign script"),
    ("quatrain5", "山空猨屢嘯。", "line count"),
    ("quatrain5", "山空猨屢嘯，林靜鶴頻驚。連天漢水廣，", "line count"),
    ("quatrain5", "，。", "line count"),
    ("quatrain5", "山空猨屢嘯。林靜鶴頻驚。", "punctuation"),
    ("quatrain5", "山空猨屢嘯，林靜鶴頻驚", "punctuation"),
    ("quatrain5", "山空猨屢嘯,林靜鶴頻驚。", "punctuation"),
    ("quatrain5", "，山空猨屢嘯林靜鶴頻驚。", "line count"),
    ("quatrain5", "山空猨屢嘯，\n林靜鶴頻驚。", "punctuation"),
    ("quatrain5", "山空猨屢，林靜鶴頻驚。", "line length"),
    ("quatrain5", "山空猨屢嘯哉，林靜鶴頻驚。", "line length"),
    ("quatrain7", "幾度相思不相見，春風何處有佳期。", None),
    ("quatrain7", "山空猨屢嘯，林靜鶴頻驚。", "line length"),
    ("verse:4x5", "白日依山盡，黃河入海流。\n欲窮千里目，更上一層樓。", None),
    ("verse:4x5", "白日依山盡，黃河入海流。欲窮千里目，更上一層樓。", None),
    ("verse:4x5", "白日依山盡，黃河入海流。", "line count"),
    ("verse:4x7", "白日依山盡，黃河入海流。欲窮千里目，更上一層樓。", "line length"),
    ("verse:4x5", "白日依山盡，黃河入海流，欲窮千里目，更上一層樓。", "punctuation"),
    ("json", '{"name": "李雷"}', None),
    ("json", '```json\n{"name": "李雷"}\n```', None),
    ("json", "[1, 2]", None),
    ("json", "{name: 李雷}", "not JSON"),
    ("json", '好的：{"name": 1}', "not JSON"),
    ("json:name,age", '{"name": "李雷", "age": 30}', None),
    ("json:name,age", '{"name": "李雷"}', "keys missing: age"),
    ("json:name", "[1]", "not a JSON object"),
    ("json", "[" * 100_000, "not JSON"),
    ("list:3", "1. 蘋果\n2. 梨\n3. 桃", None),
    ("list:3", "一、蘋果\n二、梨\n三、桃", None),
    ("list:2", "- 蘋果\n* 梨", None),
    ("list:3", "1. 蘋果\n2. 梨", "2 items, not 3"),
    ("list:3", "蘋果、梨、桃", "0 items, not 3"),
    ("max_chars:4", " 四個漢字 ", None),
    ("max_chars:3", "四個漢字", "4 characters, more than 3"),
    ("max_chars:3", "  ", "empty"),
    ("min_chars:4", "四個漢字", None),
    ("min_chars:5", "四個漢字", "4 characters, fewer than 5"),
    ("contains:16|十六", "共十六元", None),
    ("contains:16|十六", "共十五元", "none of 16、十六"),
]


@pytest.mark.parametrize(("name", "text", "fault"), CASES)
def test_fault(name: str, text: str, fault: str | None) -> None:
    assert run_check(name, text, "test") == fault


def test_every_check_is_tested() -> None:
    assert {name.partition(":")[0] for name, _, _ in CASES} == set(CHECKS)


@pytest.mark.parametrize(
    ("name", "what", "change"),
    [
        ("sonnet", "unknown check 'sonnet'", "choose one of: contains, json, list, max_chars"),
        ("max_chars:many", "check 'max_chars': invalid literal for int()", "correct what follows the colon"),
        ("contains:", "check 'contains': names no answer", "correct what follows the colon"),
    ],
)
def test_a_check_that_is_of_no_use(name: str, what: str, change: str) -> None:
    with pytest.raises(UserError) as caught:
        run_check(name, "text", "panel.jsonl, line 3")
    assert caught.value.what.startswith(what)
    assert caught.value.where == "panel.jsonl, line 3"
    assert caught.value.change.startswith(change)


@pytest.mark.parametrize(
    ("text", "wanted"),
    [("天地玄黃宇宙", 0.0), ("江江江江江江", 1 - 1 / 3), ("山水山水山水山水", 1 - 2 / 5), ("短", 0.0), ("", 0.0)],
)
def test_repetition(text: str, wanted: float) -> None:
    assert repetition(text) == pytest.approx(wanted)
