"""A source that loses its rows says so, or stops."""

import json
import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.data.conftest import NO_PARTS
from workflow_scripts import standardize
from workflow_scripts.lib.adapters.losses import Losses
from workflow_scripts.lib.errors import UserError
from workflow_scripts.lib.jsonl import read_rows
from workflow_scripts.lib.records import Drop

GOOD = json.dumps({"prompt": "问", "completion": "答"}, ensure_ascii=False)
EDITS = {"mask_personal_data": False, "strip_reasoning": False}


def run(raw: Path, **source: Any) -> tuple[list[dict], list[dict]]:
    """Run the script and return the rows and the ledger."""
    selection = {"use": "sft", "adapter": "prompt_completion", "options": {}} | source
    rows, drops = raw.with_name("rows.out"), raw.with_name("drops.out")
    flags = {"--config": json.dumps({"seed": 1, "source": selection, "edits": EDITS}), "--source": "s", "--raw": raw}
    flags |= {"--rows": rows, "--drops": drops, "--sums": raw.with_name("sums.json")}
    standardize.main([*NO_PARTS, *(str(part) for flag in flags.items() for part in flag)])
    return list(read_rows(rows)), list(read_rows(drops))


def test_a_source_without_a_row_stops_and_says_what_became_of_them(write: Callable[..., Path]) -> None:
    path = write("rows.jsonl", f"{GOOD.replace('问', '')}\n".replace('""', "null") * 3 + "{oops\n[]\n")
    with pytest.raises(UserError) as caught:
        run(path)
    assert caught.value.what == (
        "none of the 5 records became a row: "
        "3 missing_field (s/rows.jsonl#0: prompt is null); "
        "1 unreadable (s/rows.jsonl#3: Expecting property name enclosed in double quotes at character 2 of line 4); "
        "1 wrong_type (s/rows.jsonl#4: the row is list, not an object)"
    )
    assert caught.value.where == "sources.s"
    assert "encoding" in caught.value.change
    assert not path.with_name("drops.out").exists()


def test_a_source_without_a_record_stops(write: Callable[..., Path]) -> None:
    with pytest.raises(UserError, match="the files hold no rows"):
        run(write("rows.jsonl", "\n"))


def test_files_in_gb18030_that_are_too_short_to_tell_are_read_when_it_is_declared(write: Callable[..., Path]) -> None:
    path = write("rows.jsonl", (GOOD + "\n").encode("gb18030"))
    with pytest.raises(UserError, match="1 invalid_unicode"):
        run(path)
    rows, drops = run(path, encoding="gb18030")
    assert [message["content"] for message in rows[0]["messages"]] == ["问", "答"]
    assert drops == []


@pytest.mark.parametrize(("num_bad", "is_told"), [(1, False), (2, True)])
def test_many_damaged_records_are_told(
    num_bad: int, is_told: bool, write: Callable[..., Path], caplog: pytest.LogCaptureFixture
) -> None:
    rows, drops = run(write("rows.jsonl", f"{GOOD}\n" * (10 - num_bad) + "{oops\n" * num_bad))
    assert (len(rows), len(drops)) == (10 - num_bad, num_bad)
    warnings = [record.getMessage() for record in caplog.records if record.levelno == logging.WARNING]
    assert [text.startswith("s: 2 of 10 records are lost to damage: 2 unreadable (") for text in warnings] == (
        [True] * is_told
    )


def test_a_file_that_is_not_read_to_its_end_is_told_even_if_it_is_one_line_of_many(
    write: Callable[..., Path], caplog: pytest.LogCaptureFixture
) -> None:
    rows, (drop,) = run(write("rows.json", f"[{', '.join([GOOD] * 100)}] and more"))
    assert len(rows) == 100
    assert (drop["id"], drop["reason"]) == ("s/rows.json#100", "rest_unread")
    warnings = [record.getMessage() for record in caplog.records if record.levelno == logging.WARNING]
    assert warnings[0].startswith("s/rows.json#100: Expecting value at byte ")
    assert warnings[0].endswith(", the rest of the file, were not read")
    assert warnings[1].startswith("s: 1 of 101 records are lost to damage: 1 rest_unread (s/rows.json#100: ")


def test_choices_of_an_adapter_are_no_damage(caplog: pytest.LogCaptureFixture) -> None:
    losses = Losses("s")
    losses.add({"id": "s/x#0"})
    for number in range(99):
        losses.add(Drop(f"s/x#{number + 1}", "not_selected", "another form"))
    losses.check()
    assert caplog.records == []
