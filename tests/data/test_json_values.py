"""JSON arrays: whole ones, cut ones, and the next element after a broken one."""

import json

import pytest

from workflow_scripts.lib.readers import values, window
from workflow_scripts.lib.readers.parsed import Parsed
from workflow_scripts.lib.readers.values import json_values

TURNS = [{"from": "human", "value": "问"}, {"from": "gpt", "value": "答"}]
GOOD = [{"id": number, "conversations": TURNS} for number in range(61)]
BROKEN = {
    "bad_value": '{"id": oops, "conversations": []}',
    "unclosed_object": '{"id": 10, "conversations": [{"from": "human", "value": "问"}]',
    "unclosed_list": '{"id": 10, "conversations": [{"from": "human", "value": "问"}, {"from": "gpt", "value": "答"}}',
    "unclosed_text": '{"id": 10, "conversations": "问}',
    "no_colon": '{"id" 10, "conversations": []}',
    "deep": '{"id": ' + "[" * 5000 + "]" * 5000 + "}",
    "inner": '{"id": 10 {"from": "a", "value": "b"}, {"from": "a", "value": "b"}}',
}
LAYOUTS = {
    "one_line": ("[", ", ", "]"),
    "lines": ("[\n", ",\n", "\n]"),
    "lines_from_the_bracket": ("[", ",\r\n", "]\n"),
}


def read(text: str, size: int = 1000) -> list[Parsed]:
    pieces = iter([text[start : start + size] for start in range(0, len(text), size)])
    return list(json_values(pieces, "utf-8"))


@pytest.mark.parametrize("broken", BROKEN)
@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("size", [7, 1000, 10**6])
def test_one_broken_element_costs_itself_only(broken: str, layout: str, size: int) -> None:
    start, between, end = LAYOUTS[layout]
    elements = [json.dumps(element, ensure_ascii=False) for element in GOOD]
    elements[10] = BROKEN[broken]
    text = start + between.join(elements) + end
    records = read(text, size)
    assert [record.value for record in records] == [*GOOD[:10], None, *GOOD[11:]]
    assert [record.row for record in records] == list(range(61))
    assert records[10].reason == "unreadable"
    first = len((start + between.join(elements[:10]) + between).encode())
    after = first + len((elements[10] + between).encode())
    assert records[10].problem.endswith(f"bytes {first} to {after} were not read")


def test_broken_elements_in_a_row_cost_themselves_only() -> None:
    good = [{"a": 1}, {"b": 2}]  # of different keys: only the lines tell where elements start
    broken = ['{"a": oops}', '{"a" 1}', '{"a": [1}', "{,}", '{"a": 1', '{"a": "x}']
    texts = [part for each in broken for part in (each, each, *map(json.dumps, good))]
    records = read("[\n" + ",\n".join([json.dumps(good[0]), *texts]) + "\n]")
    assert [record.value for record in records] == [good[0], *[None, None, *good] * len(broken)]
    assert {record.reason for record in records} == {"unreadable"}


def test_an_element_laid_out_over_lines_is_found_again() -> None:
    text = json.dumps(GOOD, ensure_ascii=False, indent=2).replace('"id": 10,', '"id": 10')
    records = read(text)
    assert [record.value for record in records] == [*GOOD[:10], None, *GOOD[11:]]
    assert records[10].problem.startswith("Expecting ',' delimiter at byte ")


@pytest.mark.parametrize("indent", [None, 0, 1, 4, "\t"])
@pytest.mark.parametrize("size", [5, 10**6])
def test_whole_arrays_are_read_however_they_are_laid_out(
    indent: int | str | None, size: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(values, "_CHUNK", 5)
    monkeypatch.setattr(window, "_CHUNK", 5)
    assert [record.value for record in read(json.dumps(GOOD[:9], indent=indent), size)] == GOOD[:9]


@pytest.mark.parametrize(
    ("text", "good", "reason", "problem"),
    [
        ('[{"a": 1}, {"a": 2}', [{"a": 1}, {"a": 2}], "rest_unread", "the file ends inside the array"),
        (
            '[{"a": 1}, {"a": oops}]',
            [{"a": 1}],
            "rest_unread",
            "Expecting value at byte 17; bytes 11 to 23, the rest of the file, were not read",
        ),
        (
            '[{"a": 1}, {"a": "x',
            [{"a": 1}],
            "rest_unread",
            "Unterminated string starting at at byte 17; bytes 11 to 19, the rest of the file, were not read",
        ),
        (
            '[{"a": 1}]\nand more',
            [{"a": 1}],
            "rest_unread",
            "Expecting value at byte 11; bytes 11 to 19, the rest of the file, were not read",
        ),
        (
            '[{"a": "文"}, {"a": x}, {"b": 1}, {"c": 2}]',  # not certain that what follows are elements
            [{"a": "文"}],
            "rest_unread",
            "Expecting value at byte 21; bytes 15 to 44, the rest of the file, were not read",
        ),
        (
            '[{"a": [{"a": 1}]}, {"a": x, "b": [{"a": 1}, {"a": 2}]}]',  # inner objects look like elements
            [{"a": [{"a": 1}]}],
            "rest_unread",
            "Expecting value at byte 26; bytes 20 to 56, the rest of the file, were not read",
        ),
    ],
)
def test_what_is_lost_is_told(text: str, good: list, reason: str, problem: str) -> None:
    *records, last = read(text)
    assert [(record.value, record.problem) for record in records] == [(value, None) for value in good]
    assert (last.row, last.reason, last.problem) == (len(good), reason, problem)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("[1, 23]", [1, 23]),
        ("[]", []),
        ("", []),
        ('[{"a": 1}]\n[{"a": 2}]\n', [{"a": 1}, {"a": 2}]),
        ('[{"a": 1}]{"a": 2}', [{"a": 1}, {"a": 2}]),
        ('{\n  "a": 1\n}\n{\n  "a": 2\n}', [{"a": 1}, {"a": 2}]),
        ('\n[\n  [1, 2],\n  "x",\n  null\n]\n', [[1, 2], "x", None]),
    ],
)
def test_values_one_after_another(text: str, expected: list) -> None:
    for size in (1, 3, 1000):
        records = read(text, size)
        assert [record.value for record in records] == expected
        assert not any(record.problem for record in records)


def test_an_element_that_swallows_the_others_is_too_long(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(values, "MAX_CHARS", 100)
    monkeypatch.setattr(values, "_CHUNK", 10)
    good = json.dumps({"id": 1})
    text = f'[{good}, {{"id": [1, {", ".join([good] * 100)}]'
    records = read(text, 10)
    assert [record.value for record in records] == [{"id": 1}, None, *[{"id": 1}] * 100]
