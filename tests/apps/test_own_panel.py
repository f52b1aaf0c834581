"""Prompts that are added to a panel of one's own."""

from pathlib import Path

import pytest
import stage_pages

from workflow_scripts.lib import jsonl
from workflow_scripts.lib.apps.own_panel import OwnPanel
from workflow_scripts.lib.errors import UserError
from workflow_scripts.lib.evaluation.panel import check_prompts

PROMPT = [{"role": "user", "content": "“雪”\n怎么续？"}]


def test_it_begins_as_a_copy_and_the_panel_evaluation_takes_it(tmp_path: Path) -> None:
    panel = stage_pages.panel(tmp_path)
    before = panel.shipped.read_bytes()
    added = panel.add(PROMPT)
    assert (added.new, added.prompts, added.counts) == (True, 3, False)
    assert added.file == tmp_path / "human" / "panels" / "tiny.jsonl"
    rows = list(jsonl.read_rows(added.file))
    assert rows[:2] == stage_pages.SHIPPED
    assert rows[2] == {"id": "own-c560303fbf0d", "theme": "自选", "messages": PROMPT}
    check_prompts(rows, "tiny.jsonl")
    assert panel.shipped.read_bytes() == before


def test_what_is_there_is_not_added_again(tmp_path: Path) -> None:
    panel = stage_pages.panel(tmp_path)
    added = panel.add(stage_pages.TURNS)
    assert (added.new, added.file, added.prompts, added.counts) == (False, panel.shipped, 2, True)
    assert not panel.path.exists()
    panel.add(PROMPT)
    added = panel.add(PROMPT)
    assert (added.new, added.file, added.prompts, added.counts) == (False, panel.path, 3, False)
    assert panel.add([*PROMPT, {"role": "assistant", "content": "好"}, *PROMPT]).prompts == 4


def test_it_counts_once_the_config_names_it(tmp_path: Path) -> None:
    first = stage_pages.panel(tmp_path)
    first.add(PROMPT)
    added = OwnPanel(tmp_path / "human" / "panels", first.path).add([{"role": "user", "content": "又一问"}])
    assert (added.new, added.file, added.prompts, added.counts) == (True, first.path, 4, True)


def test_a_panel_that_is_gone_is_no_hindrance(tmp_path: Path) -> None:
    panel = OwnPanel(tmp_path / "human", tmp_path / "gone.jsonl")
    assert panel.examples() == []
    assert panel.add(PROMPT).prompts == 1


@pytest.mark.parametrize("line", [b"{", b"\xff", b"[]", b""])
def test_a_line_that_someone_spoilt_is_named(tmp_path: Path, line: bytes) -> None:
    panel = stage_pages.panel(tmp_path)
    panel.add(PROMPT)
    panel.path.write_bytes(panel.path.read_bytes() + line + b"\n")
    with pytest.raises(UserError) as caught:
        panel.add([{"role": "user", "content": "又一问"}])
    assert (caught.value.what, caught.value.where) == ("not a JSON object", "tiny.jsonl, line 4")


def test_examples_are_questions_that_stand_alone(tmp_path: Path) -> None:
    assert stage_pages.panel(tmp_path).examples() == ["续写这首诗：石徑通雲屋"]
