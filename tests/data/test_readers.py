"""Files of every format, and what is unreadable in them."""

import gzip
import io
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from workflow_scripts.lib.errors import UserError
from workflow_scripts.lib.readers import lines
from workflow_scripts.lib.readers.files import file_names, read_file

ROWS = [{"a": "一", "b": "x"}, {"a": "二", "b": "y"}]


def parquet_bytes() -> bytes:
    buffer = io.BytesIO()
    pq.write_table(pa.Table.from_pylist(ROWS), buffer)
    return buffer.getvalue()


FORMATS = {
    "rows.json": '[{"a": "一", "b": "x"}, {"a": "二", "b": "y"}]'.encode(),
    "bom.json": '\ufeff\n[{"a":"一","b":"x"},\n{"a":"二","b":"y"}]\n'.encode(),
    "rows.jsonl": '{"a": "一", "b": "x"}\n{"a": "二", "b": "y"}\n'.encode(),
    "crlf.jsonl": '{"a": "一", "b": "x"}\r\n{"a": "二", "b": "y"}'.encode(),
    "rows.txt": '{"a": "一", "b": "x"}\n{"a": "二", "b": "y"}\n'.encode(),  # told by content
    "rows.csv": "a,b\n一,x\n二,y\n".encode(),
    "bom.csv": "\ufeffa,b\r\n一,x\r\n二,y\r\n".encode(),
    "rows.tsv": "a\tb\n一\tx\n二\ty\n".encode(),
    "rows.parquet": parquet_bytes(),
    "rows.bin": parquet_bytes(),
}


@pytest.mark.parametrize("name", FORMATS)
@pytest.mark.parametrize("packed", [False, True], ids=["plain", "gzip"])
def test_every_format_gives_the_same_rows(name: str, packed: bool, write: Callable[..., Path]) -> None:
    path = write(name + ".gz" * packed, gzip.compress(FORMATS[name]) if packed else FORMATS[name])
    records = list(read_file(path))
    assert [record.value for record in records] == ROWS
    assert [record.row for record in records] == [0, 1]
    assert [record.problem for record in records] == [None, None]


def test_a_bad_line_is_a_problem_with_its_number_and_the_rest_is_read(write: Callable[..., Path]) -> None:
    path = write("rows.jsonl", b'{"a": 1}\n\n{"a": \n{"a": "\xff"}\n' + b"[" * 100_000 + b'\n{"a": 2}\n')
    records = list(read_file(path))
    assert [(record.row, record.problem) for record in records] == [
        (0, None),
        (2, "Expecting value at character 5"),
        (3, None),  # its bytes are no UTF-8: the row is lost later, with invalid_unicode
        (4, "nested too deeply"),
        (5, None),
    ]
    assert records[2].value == {"a": "\udcff"}


@pytest.mark.parametrize(
    ("text", "values", "problem"),
    [
        ('[{"a": 1}, {"a": 2}', [{"a": 1}, {"a": 2}], "the file ends inside the array"),
        ('[{"a": 1}, {"a": oops}]', [{"a": 1}], "Expecting value"),
        ("[1, 23]", [1, 23], None),
        ("[]", [], None),
    ],
)
def test_json_arrays_are_read_as_far_as_they_go(text: str, values: list, problem: str | None) -> None:
    records = list(lines.json_array(io.StringIO(text)))
    assert [record.value for record in records if record.problem is None] == values
    problems = [record.problem for record in records if record.problem is not None]
    assert len(problems) == (problem is not None)
    assert problem is None or problems[0].startswith(problem)


def test_array_elements_may_be_longer_than_a_chunk(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lines, "_CHUNK", 7)
    text = '[{"a": "' + "长" * 50 + '"}, 123456789012, "x", {"b": [1, 2, {"c": null}]}]'
    assert [record.value for record in lines.json_array(io.StringIO(text))] == [
        {"a": "长" * 50},
        123456789012,
        "x",
        {"b": [1, 2, {"c": None}]},
    ]


def test_csv_rows_of_another_width_are_problems(write: Callable[..., Path]) -> None:
    path = write("rows.csv", 'a,b\n"多\n行",x\n只有一个\n\n二,y\n')
    records = list(read_file(path))
    assert records[0].value == {"a": "多\n行", "b": "x"}
    assert records[1].problem == "1 fields where the header has 2"
    assert records[2].value == {"a": "二", "b": "y"}


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("notes.txt", b"hello there", r"unknown format, the file starts with b'hello there'"),
        ("one.json", b'{\n  "a": 1,\n  "b": 2\n}\n', "the file is one JSON object over many lines"),
        ("cut.parquet", b"PAR1 and nothing else", "damaged file"),
        ("cut.jsonl.gz", gzip.compress(b'{"a": 1}\n' * 1000)[:-20], "damaged file"),
    ],
)
def test_files_that_cannot_be_read_stop_the_run(
    name: str, content: bytes, message: str, write: Callable[..., Path]
) -> None:
    path = write(name, content)
    with pytest.raises(UserError, match=message) as caught:
        list(read_file(path))
    assert caught.value.where == name


def test_file_names_tell_files_apart() -> None:
    assert file_names([Path("x/a.json"), Path("y/b.json")]) == ["a.json", "b.json"]
    assert file_names([Path("x/a.json"), Path("y/a.json")]) == ["x/a.json", "y/a.json"]
