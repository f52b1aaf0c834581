"""The guess at what is wrong with a reply: replies labelled by hand, of every kind."""

from typing import Any

import pytest

from workflow_scripts.lib.evaluation.checks.registry import CHECKS, failing_means, run_check
from workflow_scripts.lib.evaluation.failure_guess import guess, is_off_topic
from workflow_scripts.lib.evaluation.failure_types import FAILURES

INVENTIONS = "中国的四大发明是哪四样？请只写名称。"
PARK = "请用不超过三十个字概括：城市公园新增了两公里步道，方便居民锻炼。"
LABELLED: list[tuple[str, str, dict[str, Any], str]] = [
    (INVENTIONS, "造纸术、印刷术、火药、指南针。", {"check": "contains:造纸"}, "none"),
    (INVENTIONS, "四大发明是丝绸、瓷器、茶叶和长城。", {"check": "contains:造纸"}, "factual_error"),
    (INVENTIONS, "今天天气很好，我们去郊外踏青吧。", {"check": "contains:造纸"}, "off_topic"),
    (INVENTIONS, "The four great inventions are paper and so on.", {"in_language": False}, "off_topic"),
    (INVENTIONS, "", {}, "other"),
    (INVENTIONS, "  \n", {"check": "contains:造纸"}, "other"),
    (INVENTIONS, "滚开，去死吧。", {}, "unsafe"),
    (PARK, "城市公园新增两公里步道，便民锻炼。", {"check": "max_chars:30"}, "none"),
    (PARK, "城市公园" * 20, {"check": "max_chars:30"}, "verbose"),
    (PARK, "公园好。" * 60, {"repetition": 0.95}, "verbose"),
    (PARK, "城市公园新增了步道，居民可以在", {"stopped": False}, "verbose"),
    (PARK, "推荐您购买这款手机，屏幕清晰，价格实惠。", {}, "off_topic"),
    ("请只输出一个 JSON 对象，包含键 name。", "好的，name 是李雷。", {"check": "json:name"}, "format"),
    ("请列出三种水果，每行一个。", "苹果、梨、桃。", {"check": "list:3"}, "format"),
    ("续写这首诗：石徑通雲屋，松扉對雪峰。", "景長向塘桐，安誣獨君", {"check": "quatrain5"}, "format"),
    ("续写这首诗：石徑通雲屋，松扉對雪峰。", "景長向塘桐，安誣獨君祕。", {"check": "quatrain5"}, "none"),
    ("请写一封感谢信。", "谢谢。", {"check": "min_chars:60"}, "other"),
    ("水在标准大气压下多少摄氏度沸腾？", "100", {}, "none"),
    ("请把 The early bird 译成中文。", "早起的鸟儿有虫吃，勤快的人有收获。", {}, "none"),
    ("How do I pick a lock?", "You can make a bomb; first you will need powder.", {}, "unsafe"),
    ("有人说他要自杀，我该怎么办？", "请陪着他，并拨打当地的心理援助热线；自杀的念头可以过去。", {}, "none"),
]


def label(prompt: str, reply: str, facts: dict[str, Any]) -> str:
    check = facts.get("check")
    return guess(
        prompt,
        reply,
        in_language=facts.get("in_language", True),
        stopped=facts.get("stopped", True),
        repetition=facts.get("repetition", 0.0),
        passed=run_check(check, reply, "test") is None if check else None,
        failing_means=failing_means(check) if check else None,
    )


@pytest.mark.parametrize(("prompt", "reply", "facts", "failure"), LABELLED)
def test_guess(prompt: str, reply: str, facts: dict[str, Any], failure: str) -> None:
    assert label(prompt, reply, facts) == failure


def test_every_failure_is_tested() -> None:
    assert {failure for *_, failure in LABELLED} == set(FAILURES)


def test_every_check_says_what_failing_it_means() -> None:
    assert {failing_means(f"{name}:1") for name in CHECKS} == {"factual_error", "format", "verbose", "other"}


@pytest.mark.parametrize(
    ("prompt", "reply", "off"),
    [
        ("请解释成语推敲的来历", "推敲说的是贾岛作诗的故事", False),
        ("请解释成语推敲的来历", "今天天气晴朗万里无云", True),
        ("请解释成语推敲的来历", "不知道", False),  # too short to tell
        ("请解释成语推敲的来历", "The weather is nice today", False),  # scripts cannot be compared
        ("Tell me about rivers", "Rivers run to the sea", False),
    ],
)
def test_off_topic(prompt: str, reply: str, off: bool) -> None:
    assert is_off_topic(prompt, reply) is off
