"""Dialogues as plain text."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from workflow_scripts.lib.readers.files import read_file


def turns(value: dict[str, Any]) -> list[tuple[str, str]]:
    return [(message["role"], message["content"]) for message in value["messages"]]


def test_dialogues_end_at_a_rule_before_a_speaker(write: Callable[..., Path]) -> None:
    text = "User: 你好\nAssistant: 您好\n第二段\n---\n不是分隔\n\n=====\n\n用户：再见\r\n助手：再见！\r\n"
    first, second = read_file(write("talk.txt", text), None)
    assert turns(first.value) == [("user", "你好"), ("assistant", "您好\n第二段\n---\n不是分隔")]
    assert turns(second.value) == [("user", "再见"), ("assistant", "再见！")]
    assert (first.row, second.row) == (0, 8)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("\n\nHuman: a\n\nAssistant: b: c\nHuman beings", [("user", "a"), ("assistant", "b: c\nHuman beings")]),
        ("System: s\n**Q:** a\n【答】：b", [("system", "s"), ("user", "a"), ("assistant", "b")]),
        ("\ufeff---\n问：一\n答：", [("user", "一"), ("assistant", "")]),
    ],
)
def test_speakers(text: str, expected: list, write: Callable[..., Path]) -> None:
    (record,) = read_file(write("talk.md", text), None)
    assert turns(record.value) == expected


def test_text_without_a_speaker_is_a_problem(write: Callable[..., Path]) -> None:
    text = "User: a\nAssistant: b\n---\nUser: c\n"
    good, last = read_file(write("talk.txt", "---\n" + text), None)
    assert (turns(good.value), turns(last.value)) == ([("user", "a"), ("assistant", "b")], [("user", "c")])
