"""Lists of words: our own, files of the user, and what is wrong with a file."""

import json
from pathlib import Path

import polars as pl
import pytest

from workflow_scripts import measure_rows
from workflow_scripts.lib.cleaning.blocklists import Blocklist, blocked_words, own_blocklists, read_blocklist
from workflow_scripts.lib.cleaning.bounds import OWN_BLOCKLISTS
from workflow_scripts.lib.errors import UserError
from workflow_scripts.lib.jsonl import write_rows
from workflow_scripts.lib.records import message, sft_row


def test_our_own_lists_are_short_sorted_out_and_documented() -> None:
    lists = own_blocklists()
    assert [each.name for each in lists] == list(OWN_BLOCKLISTS) == ["terror", "explicit", "privacy"]
    for each in lists:
        assert 15 < len(each.words) < 60
        assert len(each.words) == len(set(each.words))
    assert lists[2].patterns == ["(?i)social security number( is|:) ?[0-9]"]


def test_each_list_tells_the_first_of_its_words() -> None:
    texts = ["论红烧肉与Bacon", "番茄 n0 n12", "BACON", "豆腐"]
    messages = pl.DataFrame({"row": [0, 1, 1, 2], "content": texts})
    lists = [Blocklist("meat", ["红烧肉", "bacon"], []), Blocklist("codes", [], ["n[1-9][0-9]", "n0"])]
    assert blocked_words(messages, lists).to_dicts() == [
        {"row": 0, "blocked": ["meat"], "blocked_words": ["红烧肉"]},
        {"row": 1, "blocked": ["meat", "codes"], "blocked_words": ["BACON", "n12"]},
    ]


def test_a_file_of_the_user_is_measured_under_its_name(tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("\ufeff# mine\n\n  豆腐 \nre: 第[一二三]条\n", encoding="utf-8")
    rows = [sft_row(f"s/f#{n}", "s", [message("user", text)]) for n, text in enumerate(["豆腐脑", "见第二条", "无"])]
    write_rows(tmp_path / "rows.jsonl", rows)
    config = {"repetition_ngram": 4, "blocklists": ["lists/mine.txt"]}
    files = {"rows": "rows.jsonl", "blocklists": "mine.txt", "measures": "m.parquet"}
    flags = [part for name, file in files.items() for part in (f"--{name}", str(tmp_path / file))]
    measure_rows.main(["--config", json.dumps(config), "--parts", *flags])
    found = pl.read_parquet(tmp_path / "m.parquet")
    assert found["blocked"].to_list() == [["lists/mine.txt"], ["lists/mine.txt"], []]
    assert found["blocked_words"].to_list() == [["豆腐"], ["第二条"], []]


@pytest.mark.parametrize(
    ("content", "what", "where"),
    [
        ("豆腐\nre:(未完\n".encode(), "'(未完' is no regular expression", "clean.blocklists: mine.txt, line 2"),
        (b"re:a*\n", "'a*' matches empty text, and so every row", "clean.blocklists: mine.txt, line 1"),
        ("# 空\n\n".encode(), "mine.txt has no entry", "clean.blocklists: mine.txt"),
        ("豆腐".encode("gbk"), "mine.txt is not UTF-8 text", "clean.blocklists: mine.txt"),
    ],
)
def test_what_is_wrong_with_a_file_is_said(content: bytes, what: str, where: str, tmp_path: Path) -> None:
    path = tmp_path / "mine.txt"
    path.write_bytes(content)
    with pytest.raises(UserError) as caught:
        read_blocklist("mine.txt", path)
    assert caught.value.what.startswith(what) and caught.value.where == where
