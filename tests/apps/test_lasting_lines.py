"""A score that was acknowledged is on the disk, whatever happens next; the last word counts."""

import json
import multiprocessing
import os
import signal
from pathlib import Path

import pytest

from workflow_scripts.lib.apps import lasting_lines
from workflow_scripts.lib.errors import UserError
from workflow_scripts.lib.evaluation.panel_scores import PanelScore, read_scores

REPLY = "ab" * 32


def score(rater: str = "甲", points: int = 3, comment: str = "", reply: str = REPLY) -> PanelScore:
    return PanelScore(reply_id=reply, rater=rater, scores={"content": points}, failure="none", comment=comment)


def test_what_is_written_is_read(tmp_path: Path) -> None:
    path = tmp_path / "human" / "scores.jsonl"
    assert read_scores(path) == {}
    for given in (score(), score(rater="乙", points=0), score(reply="cd" * 32, comment='"\n<b>\u202e')):
        lasting_lines.append(path, given)
    found = read_scores(path)
    assert found[REPLY] == {"甲": score(), "乙": score(rater="乙", points=0)}
    assert found["cd" * 32]["甲"].comment == '"\n<b>\u202e'
    assert path.read_text(encoding="utf-8").splitlines()[0] == (
        f'{{"reply_id": "{REPLY}", "rater": "甲", "scores": {{"content": 3}}, "failure": "none", "comment": ""}}'
    )


def test_the_last_word_counts_and_the_first_stays_on_file(tmp_path: Path) -> None:
    for points in (1, 2, 5):
        lasting_lines.append(tmp_path / "s.jsonl", score(points=points))
    assert read_scores(tmp_path / "s.jsonl")[REPLY]["甲"].scores == {"content": 5}
    assert len((tmp_path / "s.jsonl").read_text().splitlines()) == 3


def test_it_is_on_the_disk_before_append_returns(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    synced = []

    def fsync(descriptor: int) -> None:
        target = Path(f"/proc/self/fd/{descriptor}").readlink()
        synced.append((target.name, target.is_file() and target.stat().st_size))

    monkeypatch.setattr(os, "fsync", fsync)
    path = tmp_path / "human" / "s.jsonl"
    lasting_lines.append(path, score())
    assert synced == [("s.jsonl", path.stat().st_size), ("human", False)]
    lasting_lines.append(path, score())
    assert synced[2:] == [("s.jsonl", path.stat().st_size)]


@pytest.mark.parametrize("cut", [1, 10, 60, -2, -1])
def test_a_line_cut_short_costs_that_line_only(tmp_path: Path, cut: int, caplog: pytest.LogCaptureFixture) -> None:
    path = tmp_path / "s.jsonl"
    lasting_lines.append(path, score(rater="甲"))
    whole = path.read_bytes()
    lasting_lines.append(path, score(rater="乙"))
    path.write_bytes(path.read_bytes()[: len(whole) + cut] if cut > 0 else path.read_bytes()[:cut])
    lasting_lines.append(path, score(rater="丙"))
    kept = {"甲", "丙"} | ({"乙"} if cut == -1 else set())  # only its line break was missing
    assert set(read_scores(path)[REPLY]) == kept
    assert ("s.jsonl, line 2 is not whole" in caplog.text) == (cut != -1)


def _write_forever(path: Path, rater: str, acknowledged: Path) -> None:
    with acknowledged.open("a") as stream:
        for number in range(100_000):
            lasting_lines.append(path, score(rater=rater, points=number % 6, comment=str(number)))
            stream.write(f"{number}\n")
            stream.flush()


def test_killed_while_writing_beside_another_nothing_acknowledged_is_lost(tmp_path: Path) -> None:
    path = tmp_path / "s.jsonl"
    context = multiprocessing.get_context("fork")
    writers = [
        context.Process(target=_write_forever, args=(path, rater, tmp_path / rater), daemon=True) for rater in "甲乙"
    ]
    for writer in writers:
        writer.start()
    while not all((tmp_path / rater).exists() and (tmp_path / rater).stat().st_size > 100 for rater in "甲乙"):
        pass
    for writer in writers:
        os.kill(writer.pid, signal.SIGKILL)
        writer.join()
    lasting_lines.append(path, score(rater="丙"))
    lines = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines() if line.endswith("}")]
    for rater in "甲乙":
        told = [line for line in (tmp_path / rater).read_text().splitlines(keepends=True) if line.endswith("\n")]
        written = [line["comment"] for line in lines if line["rater"] == rater]
        assert len(told) > 20
        assert written[: len(told)] == [line.strip() for line in told]
    assert set(read_scores(path)[REPLY]) == {"甲", "乙", "丙"}


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"scores": {"content": 6}}, "scores.content: Input should be less than or equal to 5"),
        ({"scores": {"charm": 3}}, "scores.charm.[key]: Input should be 'following', 'content' or 'language'"),
        ({"scores": {"content": True}}, "scores.content: Input should be a valid integer"),
        ({"failure": "boring"}, "failure: Input should be 'none', 'off_topic'"),
        ({"reply_id": "12"}, "reply_id: String should match pattern"),
        ({"stage": "base"}, "stage: Extra inputs are not permitted"),
    ],
)
def test_a_line_that_someone_spoilt_is_named(tmp_path: Path, change: dict, told: str) -> None:
    path = tmp_path / "s.jsonl"
    lasting_lines.append(path, score())
    with path.open("a", encoding="utf-8") as stream:
        stream.write(json.dumps(score().model_dump() | change) + "\n")
    with pytest.raises(UserError) as caught:
        read_scores(path)
    assert caught.value.what.startswith(told)
    assert (caught.value.where, caught.value.change) == ("s.jsonl, line 2", "correct or remove the line")


@pytest.mark.parametrize("name", ["", " ", " 甲", "a" * 41, "a\nb", "a\x1bb", "a\u202eb"])
def test_names_that_are_none(name: str) -> None:
    with pytest.raises(ValueError, match="rater"):
        score(rater=name)


@pytest.mark.parametrize("name", ["甲", "Li Lei", "a" * 40, "<b>"])
def test_names(name: str) -> None:
    assert score(rater=name).rater == name
