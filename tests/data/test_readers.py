"""Files of every format, packed in every way, and what is unreadable in them."""

import datetime
import decimal
import gzip
import io
import json
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.data.packing import PACKINGS, tar, zipped
from workflow_scripts.lib.errors import UserError
from workflow_scripts.lib.readers import lines, looking_ahead
from workflow_scripts.lib.readers.files import file_names, read_file
from workflow_scripts.lib.readers.parsed import Parsed

ROWS = [{"a": "一", "b": "x"}, {"a": "二", "b": "y"}]


def parquet_bytes(table: pa.Table | None = None, **options: int) -> bytes:
    buffer = io.BytesIO()
    pq.write_table(pa.Table.from_pylist(ROWS) if table is None else table, buffer, **options)
    return buffer.getvalue()


def told(records: list[Parsed]) -> list[tuple]:
    """Return what is to be known of records: row, and value or reason and problem."""
    return [
        (record.row, record.value) if record.problem is None else (record.row, record.reason, record.problem)
        for record in records
    ]


FORMATS = {
    "rows.json": '[{"a": "一", "b": "x"}, {"a": "二", "b": "y"}]'.encode(),
    "bom.json": '\ufeff\n[{"a":"一","b":"x"},\n{"a":"二","b":"y"}]\n'.encode(),
    "laid_out.json": json.dumps(ROWS, ensure_ascii=False, indent=2).encode(),
    "objects.json": "\n".join(json.dumps(row, ensure_ascii=False, indent=2) for row in ROWS).encode(),
    "really_lines.json": '{"a": "一", "b": "x"}\n{"a": "二", "b": "y"}\n'.encode(),
    "really_array.jsonl": '[{"a": "一", "b": "x"}, {"a": "二", "b": "y"}]\n'.encode(),
    "rows.jsonl": '{"a": "一", "b": "x"}\n{"a": "二", "b": "y"}\n'.encode(),
    "crlf.jsonl": '{"a": "一", "b": "x"}\r\n{"a": "二", "b": "y"}'.encode(),
    "cr.jsonl": '{"a": "一", "b": "x"}\r{"a": "二", "b": "y"}\r'.encode(),
    "rows.txt": '{"a": "一", "b": "x"}\n{"a": "二", "b": "y"}\n'.encode(),  # told by content
    "rows.csv": "a,b\n一,x\n二,y\n".encode(),
    "bom.csv": "\ufeffa,b\r\n一,x\r\n二,y\r\n".encode(),
    "rows.tsv": "a\tb\n一\tx\n二\ty\n".encode(),
    "rows.parquet": parquet_bytes(),
    "rows.bin": parquet_bytes(),
}


@pytest.mark.parametrize("name", FORMATS)
@pytest.mark.parametrize("packing", PACKINGS)
def test_every_format_gives_the_same_rows_however_it_is_packed(
    name: str, packing: str, write: Callable[..., Path]
) -> None:
    path = write(name + packing, PACKINGS[packing](FORMATS[name]))
    records = list(read_file(path, None))
    assert [record.value for record in records] == ROWS
    assert [record.problem for record in records] == [None, None]
    assert records[0].row < records[1].row


@pytest.mark.parametrize("packing", PACKINGS)
def test_archives_give_the_rows_of_their_files(packing: str, write: Callable[..., Path]) -> None:
    members = {f"./deep/{name}": content for name, content in FORMATS.items()} | {"more.jsonl.gz": b"\x1f\x8b"}
    members |= {"README.md": b"# What this is\n", "__MACOSX/._a.json": b"junk", ".hidden.json": b"junk"}
    members["more.jsonl.gz"] = gzip.compress(FORMATS["rows.jsonl"])
    members["inner.zip"] = zipped({"a.jsonl": b"{}"})
    for name, content in (("a.tar", tar(members)), ("a.zip", zipped(members))):
        records = list(read_file(write(name + packing, PACKINGS[packing](content)), None))
        good = [record for record in records if record.problem is None]
        assert [record.value for record in good] == ROWS * (len(FORMATS) + 1)
        assert good[0].place(name) == f"{name}/deep/rows.json#0"
        assert [(record.member, record.problem) for record in records if record.problem] == [
            ("README.md", "unknown format, it starts with b'# What this is\\n'"),
            ("inner.zip", "an archive in an archive is not read"),
        ]


def test_dialogues_of_an_archive_are_one_object_a_file_and_keep_their_names_apart(write: Callable[..., Path]) -> None:
    content = json.dumps({"round_0": {"response": "{}"}}, indent=4).encode()
    packed = tar({"d/1.json": content, "d/2.json": content, "./d/2.json": content}, links={"d/3.json": "1.json"})
    assert [(record.place("x.tar"), record.problem) for record in read_file(write("x.tar", packed), None)] == [
        ("x.tar/d/1.json#0", None),
        ("x.tar/d/2.json#0", None),
        ("x.tar/d/2.json~2#0", None),
        ("x.tar/d/3.json#0", "a link or a device in the archive is not read"),
    ]


@pytest.mark.parametrize("name", ["../a.json", "/etc/a.json", "d/../../a.json", "..\\a.json", "C:\\a.json", "C:a.json"])
@pytest.mark.parametrize("pack", [tar, zipped])
def test_archives_with_names_that_lead_out_are_refused(name: str, pack: Callable, write: Callable[..., Path]) -> None:
    path = write("bad.bin", pack({"good.json": b"[{}]", name: b"[{}]"}))
    with pytest.raises(UserError) as caught:
        list(read_file(path, None))
    assert f"refused {name!r}: a path out of the archive" in str(caught.value)
    assert caught.value.where == "bad.bin"


def test_a_damaged_file_of_a_zip_costs_no_other_file(write: Callable[..., Path]) -> None:
    many = "".join(f'{{"a": {number}}}\n' for number in range(20_000)).encode()
    packed = bytearray(zipped({"1.jsonl": many, "2.jsonl": b'{"a": "good"}\n'}))
    packed[3000] ^= 0xFF
    *before, damaged, after = read_file(write("x.zip", bytes(packed)), None)
    assert len(before) > 10 and [record.value["a"] for record in before] == list(range(len(before)))
    assert (damaged.row, damaged.member, damaged.reason) == (len(before), "1.jsonl", "rest_unread")
    assert damaged.problem.startswith("the rest of this file was not read: damaged (")
    assert (after.member, after.value) == ("2.jsonl", {"a": "good"})


@pytest.mark.parametrize("packing", [packing for packing in PACKINGS if packing])
def test_rows_before_the_place_where_a_packed_file_is_cut_are_kept(packing: str, write: Callable[..., Path]) -> None:
    text = "".join(json.dumps({"a": number, "b": hash_of(number)}) + "\n" for number in range(20_000))
    packed = PACKINGS[packing](text.encode())
    for name, content in ((f"cut.jsonl{packing}", packed[: len(packed) // 2]),):
        *good, last = read_file(write(name, content), None)
        assert len(good) > 5_000
        assert [record.value["a"] for record in good] == list(range(len(good)))
        assert (last.row, last.reason) == (len(good), "rest_unread")
        assert last.problem.startswith("the rest of the file was not read: damaged after ")


def hash_of(number: int) -> int:
    return number * 2_654_435_761 % 2**64  # hard to pack


def test_a_cut_tar_gives_what_stands_before_the_cut(write: Callable[..., Path]) -> None:
    text = "".join(json.dumps({"a": number, "b": hash_of(number)}) + "\n" for number in range(20_000)).encode()
    packed = gzip.compress(tar({"1.jsonl": text, "2.jsonl": text}))
    records = list(read_file(write("cut.tar.gz", packed[: len(packed) * 3 // 4]), None))
    good = [(record.member, record.row) for record in records if record.problem is None]
    assert good[:20_000] == [("1.jsonl", row) for row in range(20_000)]
    assert 5_000 < len(good[20_000:]) < 15_000
    assert [(record.member, record.reason) for record in records[len(good) :]] == [("2.jsonl", "rest_unread")] * 2
    assert len({record.place("x") for record in records}) == len(records)


def test_a_bad_line_is_a_problem_with_its_number_and_the_rest_is_read(write: Callable[..., Path]) -> None:
    path = write("rows.jsonl", b'{"a": 1}\n\n{"a": \n{"a": "\xff"}\n' + b"[" * 100_000 + b'\n{"a": 2}\n{"a"')
    assert told(list(read_file(path, None))) == [
        (0, {"a": 1}),
        (2, "unreadable", "Expecting value at character 6 of line 3"),
        (3, {"a": "\udcff"}),  # its bytes are no UTF-8: the row is lost later, with invalid_unicode
        (4, "unreadable", "nested too deeply at character 1 of line 5"),
        (5, {"a": 2}),
        (6, "unreadable", "Expecting ':' delimiter at character 5 of line 7"),
    ]


@pytest.mark.parametrize(
    ("first", "expected"),
    [
        ("[]", (0, [])),
        ('[{"a": 0}]', (0, [{"a": 0}])),
        ("[1, 2", (0, "unreadable", "Expecting ',' delimiter at character 6 of line 1")),
        ("[", (0, "unreadable", "Expecting value at character 2 of line 1")),
        ("text", (0, "unreadable", "Expecting value at character 1 of line 1")),
        ("{", (0, "unreadable", "Expecting property name enclosed in double quotes at character 2 of line 1")),
    ],
)
def test_json_lines_are_lines_whatever_the_first_one_is(
    first: str, expected: tuple, write: Callable[..., Path]
) -> None:
    path = write("rows.jsonl", first + "\n" + "".join(f'{{"a": {number}}}\n' for number in range(1, 31)))
    assert told(list(read_file(path, None))) == [expected, *((number, {"a": number}) for number in range(1, 31))]


def test_two_values_for_one_key_are_a_problem_and_the_same_value_twice_is_none(write: Callable[..., Path]) -> None:
    rows = ['{"a": 1, "b": 2, "a": 3}', '{"a": 1, "a": 1}', '{"m": [{"r": "x", "r": "y"}]}', '{"a": 1}']
    wanted = [
        (0, "repeated_key", "the key 'a' has two values"),
        (1, {"a": 1}),
        (2, "repeated_key", "the key 'r' has two values"),
        (3, {"a": 1}),
    ]
    assert told(list(read_file(write("x.json", f"[{', '.join(rows)}]"), None))) == wanted
    as_lines = told(list(read_file(write("x.jsonl", "\n".join(rows)), None)))
    assert [tuple(str(part).split(" at ")[0] for part in record) for record in as_lines] == [
        tuple(map(str, record)) for record in wanted
    ]


@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_a_line_that_is_too_long_costs_itself_only(
    newline: str, write: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lines, "MAX_CHARS", 1000)
    path = write("x.jsonl", newline.join(['{"a": 1}', '{"a": "' + "长" * 1_000_000 + '"}', '{"a": 2}']))
    assert told(list(read_file(path, None))) == [
        (0, {"a": 1}),
        (1, "unreadable", "longer than 1000 characters, line 2"),
        (2, {"a": 2}),
    ]


def test_parquet_values_are_what_json_can_say(write: Callable[..., Path]) -> None:
    row = {
        "time": datetime.datetime(2024, 1, 2, 3, 4, 5),
        "exact": decimal.Decimal("1.50"),
        "bytes": "文".encode(),
        "list": [{"day": datetime.date(2024, 1, 2)}],
        "plain": 1,
    }
    picture = row | {"bytes": b"\x89P"}
    (good, odd) = read_file(write("x.parquet", parquet_bytes(pa.Table.from_pylist([row, picture]))), None)
    assert good.value == {
        "time": "2024-01-02T03:04:05",
        "exact": "1.50",
        "bytes": "文",
        "list": [{"day": "2024-01-02"}],
        "plain": 1,
    }
    assert odd.value == good.value | {"bytes": "\udc89P"}


def test_parquet_text_that_is_not_utf8_costs_its_row(write: Callable[..., Path]) -> None:
    not_text = pa.array([b"good", b"\xff"]).cast(pa.string(), safe=False)
    (good, problem) = read_file(write("x.parquet", parquet_bytes(pa.table({"a": not_text}))), None)
    assert good.value == {"a": "good"}
    assert problem.problem == "text that is not UTF-8, or a value out of range, in row 2"


def test_a_parquet_file_damaged_inside_gives_the_rows_before(write: Callable[..., Path]) -> None:
    table = pa.table({"a": list(range(10_000)), "b": [f"{hash_of(number)}" for number in range(10_000)]})
    content = bytearray(parquet_bytes(table, row_group_size=1000))
    middle = len(content) // 2
    content[middle : middle + 2000] = b"\xff" * 2000
    *good, last = read_file(write("x.parquet", bytes(content)), None)
    assert 1000 < len(good) < 9000 and [record.value["a"] for record in good] == list(range(len(good)))
    assert (last.row, last.reason) == (len(good), "rest_unread")
    assert last.problem.startswith(f"rows {len(good) + 1} to 10000 were not read: damaged file (")


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("notes.txt", b"hello there", "unknown format, the file starts with b'hello there'"),
        ("cut.parquet", b"PAR1 and nothing else", "damaged file"),
        ("cut.jsonl.gz", gzip.compress(b'{"a": 1}\n' * 1000)[:12], "damaged file"),
        ("cut.zip", zipped({"a.jsonl": b"{}"})[:-9], "damaged file"),
        ("twice.csv", b"a,b,a\n1,2,3\n", "two columns are named 'a'"),
        ("twice.parquet", parquet_bytes(pa.table([[1], [2]], ["a", "a"])), "two columns are named 'a'"),
        ("open.csv", b'"a,b\n1,2\n', "the first line does not name the columns"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",  # packed bytes hold the time
)
def test_files_that_cannot_be_read_stop_the_run(
    name: str, content: bytes, message: str, write: Callable[..., Path]
) -> None:
    path = write(name, content)
    with pytest.raises(UserError) as caught:
        list(read_file(path, None))
    assert caught.value.what.startswith(message)
    assert caught.value.where == name


@pytest.mark.parametrize("name", ["a.jsonl", "a.json", "a.csv", "a.txt", "a.csv.gz"])
@pytest.mark.parametrize("content", [b"", b"\xef\xbb\xbf", b" \n\r\n\t\n"])
def test_empty_files_have_no_rows(name: str, content: bytes, write: Callable[..., Path]) -> None:
    packed = gzip.compress(content) if name.endswith(".gz") else content
    assert list(read_file(write(name, packed), None)) == []


def test_of_very_long_rows_fewer_are_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(looking_ahead, "_MAX_CHARS", 1000)
    records = iter([Parsed(row, {"a": [{"b": "长" * 400}]}) for row in range(200)])
    first = looking_ahead.first_records(records)
    assert len(first) == 3
    assert [record.row for record in looking_ahead.replayed(first, records)] == list(range(200))
    assert first == []


def test_file_names_tell_files_apart() -> None:
    assert file_names([Path("x/a.json"), Path("y/b.json")]) == ["a.json", "b.json"]
    assert file_names([Path("x/a.json"), Path("y/a.json")]) == ["x/a.json", "y/a.json"]
