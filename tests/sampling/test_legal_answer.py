"""Judgements as models write them, and as they must not be misread."""

import pytest

from workflow_scripts.lib.verifiers.base import Gold
from workflow_scripts.lib.verifiers.legal_answer import Judgement, UnreadableError, folded, parse
from workflow_scripts.lib.verifiers.legal_judgement import Options, columns, verify
from workflow_scripts.lib.verifiers.months import months_of

THEFT = Judgement(True, "盗窃", 7)
NOT_GUILTY = Judgement(False)
DRUGS = "走私、贩卖、运输、制造毒品"
REASONED = (
    "<think>\n首先分析案件事实：被告人张某秘密窃取他人财物，数额较大。若构成抢夺，则 <answer> 抢夺 | 12 </answer>？不，"
    "没有公然夺取。\n</think>\n根据《刑法》第二百六十四条，判决如下：\n<answer> 盗窃 | 7 </answer>"
)
READ = [
    ("<answer> 盗窃 | 7 </answer>", THEFT),
    ("<answer>盗窃罪|7</answer>", THEFT),
    ("<answer> 盗窃罪 ｜ ７ </answer>", THEFT),  # full-width bar and digit
    ("＜answer＞盗窃罪｜７个月＜/answer＞", THEFT),
    ("<answer> 盗窃 丨 7 </answer>", THEFT),  # a character for a bar
    ("<answer> 盗窃 │ 7 </answer>", THEFT),
    ("< Answer >\n盗 窃 罪 | 7 个 月\n</ Answer >", THEFT),
    ("<answer>盗窃罪　|　七个月</answer>", THEFT),
    ("**<answer> 盗窃罪 | 7个月 </answer>**", THEFT),
    ("<answer> **盗窃罪** | **7** </answer>", THEFT),
    ("<answer> {盗窃} | {7} </answer>", THEFT),
    ("<answer> 【盗窃罪】|【7个月】 </answer>。", THEFT),
    ("<answer> 罪名：盗窃罪 | 刑期：7个月 </answer>", THEFT),
    ("<answer> 构成盗窃罪 | 有期徒刑七个月。 </answer>", THEFT),
    ("<answer> 犯盗窃罪 | 判处有期徒刑 7 个月 </answer>", THEFT),
    ("```\n<answer> 盗窃 | 7 </answer>\n```", THEFT),
    ("<answer> 盗窃 | 7 </answer>\n再次确认：<answer> 盗窃罪 | 7个月 </answer>", THEFT),
    ("<answer>\u200b盗窃 | 7\ufeff</answer>", THEFT),
    (REASONED, THEFT),
    ("盗窃罪 | 7", THEFT),  # without the tag: the last line
    ("经审理查明，被告人秘密窃取财物。\n\n最终答案：**盗窃罪 | 7个月**\n", THEFT),
    ("| 罪名 | 刑期 |\n| --- | --- |\n| 盗窃罪 | 7 |", THEFT),
    ("<answer> 盗窃 | 3年 </answer>", Judgement(True, "盗窃", 36)),
    ("<answer> 盗窃 | 三年六个月 </answer>", Judgement(True, "盗窃", 42)),
    ("<answer> 盗窃 | 1年零2个月 </answer>", Judgement(True, "盗窃", 14)),
    ("<answer> 盗窃 | 一年半 </answer>", Judgement(True, "盗窃", 18)),
    ("<answer> 故意杀人 | XT </answer>", Judgement(True, "故意杀人", extreme=True)),
    ("<answer> 故意杀人罪 | xt </answer>", Judgement(True, "故意杀人", extreme=True)),
    ("<answer> 故意杀人 | ＸＴ（无期徒刑） </answer>", Judgement(True, "故意杀人", extreme=True)),
    ("<answer> 故意杀人 | 判处死刑 </answer>", Judgement(True, "故意杀人", extreme=True)),
    ("<answer> 故意杀人 | 10000 </answer>", Judgement(True, "故意杀人", extreme=True)),
    ("<answer> 故意杀人 | 10001 </answer>", Judgement(True, "故意杀人", extreme=True)),
    (f"<answer> {DRUGS}罪 | 180 </answer>", Judgement(True, "走私贩卖运输制造毒品", 180)),
    ("<answer> 走私,贩卖,运输,制造毒品 | 180 </answer>", Judgement(True, "走私贩卖运输制造毒品", 180)),
    ("<answer> 不违规 </answer>", NOT_GUILTY),
    ("<answer>“不违规”。</answer>", NOT_GUILTY),
    ("<answer> 不 违 规 </answer>", NOT_GUILTY),
    ("<answer> nv </answer>", NOT_GUILTY),
    ("<answer> 不违规 | 0 </answer>", NOT_GUILTY),
    ("新法下不构成犯罪。\n不违规", NOT_GUILTY),
    ("结论：不违规。", NOT_GUILTY),
    ("<answer> V | 7 </answer>", Judgement(True, None, 7)),
    ("<answer> V | XT </answer>", Judgement(True, extreme=True)),
    ("<answer> V </answer>", Judgement(True)),
    ("<answer> 盗窃罪 </answer>", Judgement(True, "盗窃")),
]
UNREADABLE = [
    ("", "no_answer"),
    ("被告人的行为构成盗窃罪，判处有期徒刑七个月。", "no_answer"),
    ("<answer> </answer>", "no_answer"),
    ("盗窃 | 7\n以上判决仅供参考。", "no_answer"),  # neither tagged nor last
    ("本案并非不违规。", "no_answer"),
    ("<think>先看盗窃 | 7", "unfinished_thought"),
    ("<answer> 盗窃 | 7 </answer> 或者 <answer> 抢夺 | 7 </answer>", "several_answers"),
    ("<answer> 盗窃 | 7 </answer><answer> 盗窃 | 8 </answer>", "several_answers"),
    ("<answer> 盗窃 | 7\n抢夺 | 12 </answer>", "several_answers"),
    ("盗窃 | 7\n抢夺 | 12", "several_answers"),
    ("不违规\n盗窃 | 7", "several_answers"),
    ("<answer> 罪名 | 刑期 </answer>", "bad_term"),  # the form of the question, copied
    ("<answer> 盗窃 | 7-12 </answer>", "bad_term"),
    ("<answer> 盗窃 | 约7个月 </answer>", "bad_term"),
    ("<answer> 盗窃 | 7.5 </answer>", "bad_term"),
    ("<answer> 盗窃 | -7 </answer>", "bad_term"),
    ("<answer> 盗窃 | 三年六 </answer>", "bad_term"),
    ("<answer> 盗窃 | 七个月，缓刑一年 </answer>", "bad_term"),
    ("<answer> 7 | 7 </answer>", "bad_form"),
    ("<answer> 不违规 | 7 </answer>", "bad_form"),
]


@pytest.mark.parametrize(("reply", "expected"), READ)
def test_what_a_reply_says(reply: str, expected: Judgement) -> None:
    assert parse(reply) == expected


@pytest.mark.parametrize(("reply", "why"), UNREADABLE)
def test_what_says_nothing(reply: str, why: str) -> None:
    with pytest.raises(UnreadableError) as raised:
        parse(reply)
    assert raised.value.why == why


@pytest.mark.parametrize(
    ("text", "months"),
    [
        ("36", 36),
        ("36个月", 36),
        ("36月", 36),
        ("二十", 20),
        ("一百二十个月", 120),
        ("一二〇", 120),
        ("十年", 120),
        ("两年", 24),
        ("3年又6个月", 42),
        ("半年", 6),
        ("０", 0),
        ("", None),
        ("年", None),
        ("个月", None),
        ("3年6", None),
        ("7个月以上", None),
    ],
)
def test_months(text: str, months: int | None) -> None:
    assert months_of(text) == months


@pytest.mark.parametrize(
    ("charge", "expected"),
    [("盗窃罪", "盗窃"), ("罪", "罪"), ("掩饰、隐瞒犯罪所得、犯罪所得收益罪", "掩饰隐瞒犯罪所得犯罪所得收益")],
)
def test_only_the_last_character_may_be_missing(charge: str, expected: str) -> None:
    assert folded(charge) == expected


@pytest.mark.parametrize(
    ("gold", "reply", "why"),
    [
        ("盗窃 | 7", "盗窃罪 | 七个月", "right"),
        ("盗窃 | 7", "盗窃 | 8", "wrong_term"),
        ("盗窃 | 7", "盗窃", "wrong_term"),
        ("盗窃 | 7", "盗窃 | XT", "wrong_term"),
        ("盗窃 | 7", "抢夺 | 7", "wrong_charge"),
        ("盗窃 | 7", "盗窃、抢夺 | 7", "wrong_charge"),
        ("盗窃 | 7", "V | 7", "wrong_charge"),
        ("盗窃 | 7", "不违规", "wrong_verdict"),
        ("不违规", "盗窃 | 7", "wrong_verdict"),
        ("不违规", "不违规", "right"),
        ("故意杀人 | XT", "故意杀人罪 | 无期徒刑", "right"),
        ("故意杀人 | XT", "故意杀人 | 10001", "right"),
        ("故意杀人 | XT", "故意杀人 | 180", "wrong_term"),
        ("盗窃 | 7", "盗窃 | 多年", "bad_term"),
        ("", "盗窃 | 7", "no_gold"),
    ],
)
def test_charge_and_term_must_both_be_right(gold: str, reply: str, why: str) -> None:
    verdict = verify(f"分析……\n<answer> {reply} </answer>", Gold(f"<answer> {gold} </answer>"), Options())
    assert (verdict.why, verdict.right) == (why, why == "right")


def test_sampled_rows_keep_the_columns_of_the_data() -> None:
    meta = {"fact": "甲", "relevant_articles": ["354-0-0"], "law": "original", "charge": "盗窃", "prison_time": 7}
    assert list(columns({"meta": meta}).items()) == [
        ("fact", "甲"),
        ("relevant_articles", ["354-0-0"]),
        ("charge", "盗窃"),
        ("prison_time", 7),
    ]
    assert columns({"meta": {"fact": "甲", "relevant_articles": []}})["charge"] is None
