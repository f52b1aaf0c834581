"""CSV and TSV: what a quote may cost, and how it is told."""

from collections.abc import Callable
from pathlib import Path

import pytest

from workflow_scripts.lib.readers import separated
from workflow_scripts.lib.readers.files import read_file

GOOD = "".join(f"问{number},{number}\n" for number in range(100))


def read(path: Path) -> tuple[list[list[str]], list[tuple[str, str]]]:
    """Return the rows, and reason and problem of those that are none."""
    records = list(read_file(path, None))
    assert [record.row for record in records] == sorted({record.row for record in records})
    good = [list(record.value.values()) for record in records if record.problem is None]
    return good, [(record.reason, record.problem) for record in records if record.problem is not None]


def test_rows_may_go_over_lines_and_blank_ones_do_not_count(write: Callable[..., Path]) -> None:
    good, bad = read(write("rows.csv", 'a,b\r\n"多\r\n""行""",x\r\n\r\n二,5" disk\r\n'))
    assert good == [['多\r\n"行"', "x"], ["二", '5" disk']]
    assert bad == []


@pytest.mark.parametrize(
    ("row", "problem"),
    [
        ("只有一个", "1 fields where the header has 2, line 102"),
        ("1,2,3", "3 fields where the header has 2, line 102"),
        ('"x\ny",1,2', "3 fields where the header has 2, lines 102 to 103"),
        ('"x"y,1', "',' expected after '\"', line 102"),
        ('"x,1', "a stray quote: a quote is not closed, line 102"),
        ("a,b", "the names of the columns once more, line 102"),
        ("\ufeffa,b", "the names of the columns once more, line 102"),
        ('x,"1', "a stray quote: a quote is not closed, line 102"),
    ],
)
def test_a_bad_row_costs_itself_only(row: str, problem: str, write: Callable[..., Path]) -> None:
    good, bad = read(write("rows.csv", f"a,b\n{GOOD}{row}\n{GOOD}"))
    assert good == [[f"问{number}", str(number)] for number in range(100)] * 2
    assert bad == [("unreadable", problem)]


def test_two_stray_quotes_do_not_swallow_the_rows_between(write: Callable[..., Path]) -> None:
    good, bad = read(write("rows.csv", f'a,b\nx,"1\n{GOOD}y,"2\n{GOOD}'))
    assert len(good) == 200
    assert [problem for _, problem in bad] == [
        "a stray quote: ',' expected after '\"', line 2",
        "a stray quote: a quote is not closed, line 103",
    ]


def test_an_open_quote_before_what_are_no_rows_costs_the_rest_and_says_so(write: Callable[..., Path]) -> None:
    good, bad = read(write("rows.csv", 'a,b\n1,2\n3,"a long text\nwithout any comma\nnor its quote\n'))
    assert good == [["1", "2"]]
    assert bad == [("rest_unread", "a quote is not closed, lines 3 to 5")]


@pytest.mark.parametrize("after", [GOOD, 'not a row"\n' + GOOD], ids=["stray", "closed"])
def test_a_record_is_held_up_to_a_bound(
    after: str, write: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(separated, "_MAX_CHARS", 300)
    text = "no row at all\n" * 40 if after != GOOD else ""
    good, bad = read(write("rows.csv", f'a,b\nx,"1\n{text}{after}'))
    assert good[-90:] == [[f"问{number}", str(number)] for number in range(10, 100)]
    if after == GOOD:
        assert bad == [("unreadable", "a stray quote: longer than 300 characters, line 2")]
    else:
        assert bad == [("unreadable", "longer than 300 characters, lines 2 to 43")]


def test_a_line_beyond_the_bound_costs_itself(write: Callable[..., Path], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(separated, "_MAX_CHARS", 300)
    good, bad = read(write("rows.csv", f'a,b\n1,2\n{"长" * 5000},3\n4,5\n"{"长" * 5000}\n,6",7\n8,9\n'))
    assert good == [["1", "2"], ["4", "5"], ["8", "9"]]
    assert [problem for _, problem in bad] == [
        "longer than 300 characters, line 3",
        "longer than 300 characters, lines 5 to 6",
    ]
