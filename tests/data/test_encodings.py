"""Which encoding a file is read in, and what is lost when it is the wrong one."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from pydantic import ValidationError

from workflow_scripts.lib.config.data import Source
from workflow_scripts.lib.config.layers import load
from workflow_scripts.lib.readers.encodings import encoding_of
from workflow_scripts.lib.readers.files import read_file
from workflow_scripts.lib.workflow import Plan

REPOSITORY = Path(__file__).parents[2]
MODERN = "人工智能是计算机科学的一个分支，它企图了解智能的实质，并生产出一种新的能以相似的方式做出反应的智能机器。"
CLASSICAL = "床前明月光，疑是地上霜。舉頭望明月，低頭思故鄉。白日依山盡，黃河入海流。欲窮千里目，更上一層樓。"
MIXED = "Python 的 list 与 dict：𠮷野家，€5，㐂。这些字大多在常用字里，少数不在。这里再写一些常见的字。"


def lines(text: str, count: int = 30) -> str:
    return "".join(json.dumps({"n": number, "t": text}, ensure_ascii=False) + "\n" for number in range(count))


@pytest.mark.parametrize("text", [MODERN, CLASSICAL, MIXED])
def test_gb18030_is_told_from_utf_8(text: str, write: Callable[..., Path]) -> None:
    assert encoding_of(lines(text).encode("gb18030")) == "gb18030"
    assert encoding_of(lines(text).encode()) == "utf-8"
    for suffix, content in (("jsonl", lines(text)), ("csv", "n,t\n" + f'1,"{text}"\n' * 30)):
        records = list(read_file(write(f"gb.{suffix}", content.encode("gb18030")), None))
        assert [record.value["t"] for record in records] == [text] * 30


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b'{"a": 1}\n',
        lines(MODERN).encode().replace("智能".encode(), "智".encode()[:2]),  # each line is broken UTF-8
        lines("café, naïve, Zürich, Ærø and so on").encode("latin-1"),
        lines("пример русского текста без китайского").encode("cp1251"),
        lines(MODERN, 1).encode("gb18030")[:40],  # too little to be certain
        lines(MODERN).encode() + lines(MODERN).encode("gb18030"),
        bytes(range(256)) * 20,
    ],
)
def test_what_is_not_certainly_gb18030_is_read_as_utf_8(content: bytes) -> None:
    assert encoding_of(content) == "utf-8"


def test_a_declared_encoding_is_used(write: Callable[..., Path]) -> None:
    path = write("short.jsonl", '{"t": "短"}\n{"t": "一\n'.encode("gb18030"))
    good, bad = read_file(path, "gb18030")
    assert good.value == {"t": "短"}
    assert bad.problem == "Unterminated string starting at at character 7 of line 2"
    assert next(read_file(path, None)).value != {"t": "短"}
    assert next(read_file(write("bom.jsonl", '\ufeff{"t": "短"}\n'), "utf-8")).value == {"t": "短"}


def test_bytes_that_are_no_text_cost_their_row_only(write: Callable[..., Path]) -> None:
    content = lines(MODERN, 3).encode().replace("机器".encode(), b"\xff", 1)
    first, *others = read_file(write("x.jsonl", content), None)
    assert first.value["t"] == MODERN.replace("机器", "\udcff")
    assert [record.value["t"] for record in others] == [MODERN] * 2


def test_the_encoding_of_a_source_is_checked_with_the_config_and_reaches_standardize() -> None:
    source = {"use": "sft", "adapter": "alpaca", "from": "file://x", "license": "mit"}
    assert Source.model_validate(source).encoding is None
    with pytest.raises(ValidationError, match="Input should be 'utf-8' or 'gb18030'"):
        Source.model_validate(source | {"encoding": "gbk"})
    settings = load(REPOSITORY, [], {"sources": {"tang_poems": {"encoding": "gb18030"}}})
    assert json.loads(Plan(settings, REPOSITORY).source_section("tang_poems"))["source"]["encoding"] == "gb18030"
