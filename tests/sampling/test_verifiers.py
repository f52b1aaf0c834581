"""Verifiers other than that of law: what they take for right, and what for which fault; and how they are chosen."""

import json
from typing import Any

import pytest

from workflow_scripts.lib.errors import UserError
from workflow_scripts.lib.verifiers import registry
from workflow_scripts.lib.verifiers.base import Gold, gold_of, question_and_answer

PERSON = {"type": "object", "required": ["姓名"], "properties": {"年龄": {"type": "integer"}}}
CASES: list[tuple[str, dict[str, Any], Gold, str, str]] = [
    ("exact_match", {}, Gold("北京"), " 北京\n", "right"),
    ("exact_match", {}, Gold("ABC，1"), "ＡＢＣ,１", "right"),  # width
    ("exact_match", {}, Gold("北京"), "北京。", "different"),
    ("exact_match", {"ignore_marks": True}, Gold("北京"), "**北 京**。", "right"),
    ("exact_match", {}, Gold("Yes"), "yes", "different"),
    ("exact_match", {"ignore_case": True}, Gold("Yes"), "YES", "right"),
    ("exact_match", {"in_tag": True}, Gold("北京"), "首都是哪里？<answer> 北京 </answer>", "right"),
    ("exact_match", {"in_tag": True}, Gold("<answer>北京</answer>"), "<answer>上海</answer>", "different"),
    ("exact_match", {"in_tag": True}, Gold("北京"), "<answer>北京</answer><answer>上海</answer>", "several_answers"),
    ("exact_match", {}, Gold("北京"), "<think>首都</think>北京", "right"),
    ("exact_match", {}, Gold("北京"), "<think>北京", "no_answer"),
    ("exact_match", {}, Gold(""), "", "no_gold"),
    ("number", {}, Gold("3*4 = <<3*4=12>>12 pens.\n#### 12"), "共有 3×4=12 支笔。", "right"),
    ("number", {}, Gold("#### 1,234"), "答案是１２３４元。", "right"),
    ("number", {}, Gold("#### 1234.5"), "所以一共 1,234.50 元", "right"),
    ("number", {}, Gold("12"), "答案：12（见第3题）", "right"),  # not the last number
    ("number", {}, Gold("12"), "#### 12\n第3题完", "right"),
    ("number", {}, Gold("12"), "$$\\boxed{12}$$ 以上用了 3 步", "right"),
    ("number", {}, Gold("12"), "答案是 10，检查后答案是 12", "right"),
    ("number", {}, Gold("12"), "**12**。", "right"),
    ("number", {}, Gold("-5"), "结果为 −5", "right"),
    ("number", {}, Gold("4"), "每盒 3-4 支", "right"),  # a range has no minus
    ("number", {}, Gold("-4"), "每盒 3-4 支", "different"),
    ("number", {}, Gold("34"), "有3，4两种", "different"),  # a comma of Chinese joins no digits
    ("number", {}, Gold("12"), "十二", "no_number"),
    ("number", {}, Gold("12"), "<think>3×4=12", "unfinished_thought"),
    ("number", {}, Gold("0.333"), "约 0.33", "different"),
    ("number", {"tolerance": 0.01}, Gold("0.333"), "约 0.33", "right"),
    ("number", {}, Gold("没有数"), "12", "no_gold"),
    ("multiple_choice", {}, Gold("B"), "Ｂ", "right"),
    ("multiple_choice", {}, Gold("B"), "（B）", "right"),
    ("multiple_choice", {}, Gold("B"), "**B**. 水的化学式是 H2O", "right"),
    ("multiple_choice", {}, Gold("答案：B"), "选项A错误，C也不对，故选 B。", "right"),
    ("multiple_choice", {}, Gold("B"), "A项说法有误；正确答案是：**B**", "right"),
    ("multiple_choice", {}, Gold("B"), "<answer>B</answer>", "right"),
    ("multiple_choice", {}, Gold("B"), "\\boxed{B}", "right"),
    ("multiple_choice", {}, Gold("B"), "答案是B，又或者答案是C", "several_answers"),
    ("multiple_choice", {}, Gold("B"), "不选A", "no_answer"),
    ("multiple_choice", {}, Gold("B"), "A cat sat on a mat.", "no_answer"),
    ("multiple_choice", {}, Gold("B"), "C", "different"),
    ("multiple_choice", {}, Gold("ACD"), "答案：D、A、C", "right"),
    ("multiple_choice", {}, Gold("ACD"), "答案：AC", "different"),
    ("multiple_choice", {}, Gold(""), "A", "no_gold"),
    ("json_schema", {"json_schema": PERSON}, Gold(""), '{"姓名": "甲", "年龄": 3}', "right"),
    ("json_schema", {"json_schema": PERSON}, Gold(""), '```json\n{"姓名": "甲"}\n```', "right"),
    ("json_schema", {"json_schema": PERSON}, Gold(""), '好的：{"姓名": "甲"}', "not_json"),
    ("json_schema", {"json_schema": PERSON}, Gold(""), "{“姓名”: 1}", "not_json"),
    ("json_schema", {"json_schema": PERSON}, Gold(""), '{"姓名": NaN}', "not_json"),
    ("json_schema", {"json_schema": PERSON}, Gold(""), "[" * 100_000, "not_json"),
    ("json_schema", {"json_schema": PERSON}, Gold(""), '{"年龄": 3}', "schema_required"),
    ("json_schema", {"json_schema": PERSON}, Gold(""), '{"姓名": "甲", "年龄": "三"}', "schema_type"),
    ("poem_form", {}, Gold("", {"form": "quatrain5"}), "山空猨屢嘯，林靜鶴頻驚。", "right"),
    ("poem_form", {}, Gold("", {"form": "quatrain7"}), "山空猨屢嘯，林靜鶴頻驚。", "line_length"),
    ("poem_form", {}, Gold("", {"form": "quatrain5"}), "山空猨屢嘯，林靜鶴頻驚", "punctuation"),
    ("poem_form", {}, Gold("", {"form": "verse:4x5"}), "山空猨屢嘯，林靜鶴頻驚。\n山空猨屢嘯，林靜鶴頻驚。", "right"),
    ("poem_form", {}, Gold("", {"form": "verse:4x5"}), "山空猨屢嘯，林靜鶴頻驚。", "line_count"),
    ("poem_form", {}, Gold("", {}), "山空猨屢嘯，林靜鶴頻驚。", "no_gold"),
    ("regex", {"pattern": r"\d{4}年"}, Gold(""), "公元1949年", "right"),
    ("regex", {"pattern": r"\d{4}年", "whole": True}, Gold(""), "公元1949年", "no_match"),
    ("regex", {"pattern": r"\d{4}年", "whole": True}, Gold(""), "1949年\n", "right"),
]


@pytest.mark.parametrize(("name", "options", "gold", "reply", "why"), CASES)
def test_verdicts(name: str, options: dict[str, Any], gold: Gold, reply: str, why: str) -> None:
    module, checked = registry.select(name, options, "sampling")
    verdict = module.verify(reply, gold, checked)
    assert (verdict.why, verdict.right) == (why, why == "right")


def test_every_verifier_is_in_the_table() -> None:
    assert {name for name, *_ in CASES} | {"legal_judgement"} == set(registry.MODULES)


@pytest.mark.parametrize("name", sorted(registry.MODULES))
def test_columns_can_be_written(name: str) -> None:
    needed = {"regex": {"pattern": "."}, "json_schema": {"json_schema": {}}}
    module, _ = registry.select(name, needed.get(name, {}), "sampling")
    row = {"messages": [{"role": "user", "content": "问"}, {"role": "assistant", "content": "答"}]}
    assert json.loads(json.dumps(module.columns(row))) == module.columns(row)


def test_gold_is_the_rows_own_reply() -> None:
    row = {"messages": [{"role": "user", "content": "问"}, {"role": "assistant", "content": "答"}], "meta": {"a": 1}}
    assert gold_of(row) == Gold("答", {"a": 1})
    assert gold_of({"messages": row["messages"][:1]}) == Gold("", {})
    assert question_and_answer(row) == {"question": "问", "answer": "答"}


@pytest.mark.parametrize(
    ("name", "options", "error"),
    [
        (
            "legal_judgment",
            {},
            (
                "unknown verifier 'legal_judgment'",
                "sampling.verifier",
                "did you mean 'legal_judgement'? choose",
            ),
        ),
        (
            "number",
            {"tolerence": 1},
            (
                "unknown option 'tolerence'",
                "sampling.verifier_options.tolerence",
                "did you mean 'tolerance'? legal options here: tolerance",
            ),
        ),
        (
            "legal_judgement",
            {"a": 1},
            ("unknown option 'a'", "sampling.verifier_options.a", "legal options here: none"),
        ),
        (
            "regex",
            {},
            ("missing option 'pattern'", "sampling.verifier_options.pattern", "add it; legal options here: pattern"),
        ),
        (
            "regex",
            {"pattern": "("},
            ("pattern is '('", "sampling.verifier_options.pattern", "no regular expression: missing ), unterminated"),
        ),
        (
            "json_schema",
            {"json_schema": {"type": "number or so"}},
            (
                "json_schema is {'type'",
                "sampling.verifier_options.json_schema",
                "no JSON schema: 'number or so' is",
            ),
        ),
        (
            "json_schema",
            {"json_schema": {"items": [{"$ref": "https://example.org/a.json"}], "$ref": "#/$defs/a"}},
            ("json_schema is {", "sampling.verifier_options.json_schema", "no JSON schema: "),
        ),
        (
            "json_schema",
            {"json_schema": {"allOf": [{"$ref": "https://example.org/a.json"}]}},
            (
                "json_schema is {",
                "sampling.verifier_options.json_schema",
                "the schema refers to https://example.org/a.json, and nothing is fetched: put it into $defs",
            ),
        ),
    ],
)
def test_what_cannot_be_chosen(name: str, options: dict[str, Any], error: tuple[str, str, str]) -> None:
    with pytest.raises(UserError) as raised:
        registry.select(name, options, "sampling")
    found = (raised.value.what, raised.value.where, raised.value.change)
    assert all(text.startswith(begin) for text, begin in zip(found, error, strict=True)), found
