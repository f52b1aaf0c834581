"""Shingles, sketches, near-duplicates, links between rows, evaluation texts in rows, and leaks between splits."""

import itertools
import json
import random
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from workflow_scripts import check_splits, find_contamination, link_rows, sketch_rows
from workflow_scripts.lib.dedup import contamination, shingles
from workflow_scripts.lib.dedup.components import joined, joined_by_key, separate
from workflow_scripts.lib.dedup.shingles import fold, keys_of, shingle
from workflow_scripts.lib.dedup.similar import bands_of, clusters, similarity
from workflow_scripts.lib.dedup.sketches import Sketching, sketch
from workflow_scripts.lib.dedup.texts import prompt_and_reply
from workflow_scripts.lib.errors import UserError
from workflow_scripts.lib.evaluation_files import holds_tables
from workflow_scripts.lib.jsonl import read_json, read_rows, write_rows
from workflow_scripts.lib.records import message, preference_row, sft_row

NEAR = {"enabled": True, "threshold": 0.8, "max_same_replies": 20}
SKETCH = {"enabled": True, "ngram": 3, "num_perm": 128}


def han(draws: random.Random, count: int) -> str:
    return "".join(chr(draws.randrange(0x4E00, 0x9F00)) for _ in range(count))


def row(row_id: str, prompt: str, reply: str, **more: Any) -> dict:
    return sft_row(row_id, row_id.partition("/")[0], [message("user", prompt), message("assistant", reply)], **more)


def pair(row_id: str, prompt: str, chosen: str, rejected: str, **more: Any) -> dict:
    return preference_row(row_id, row_id.partition("/")[0], [message("user", prompt)], chosen, rejected, **more)


def call(script: Any, config: dict, **named: Any) -> None:
    flags = ["--config", json.dumps(config)]
    for name, value in named.items():
        flags += [f"--{name.replace('_', '-')}", *map(str, value if isinstance(value, list) else [value])]
    script.main(flags)


@pytest.fixture
def linked(tmp_path: Path) -> Callable[..., list[dict]]:
    """Sketch and link rows through the scripts, and return the links of all."""

    def run(*sources: list[dict], **config: Any) -> list[dict]:
        sketching = SKETCH | {key: config.pop(key) for key in list(config) if key in SKETCH}
        files: dict[str, list[Path]] = {"sketches": [], "links": []}
        for number, rows in enumerate(sources):
            write_rows(tmp_path / f"{number}.jsonl", rows)
            for kind, paths in files.items():
                paths.append(tmp_path / kind / f"{number}.parquet")
            call(sketch_rows, sketching, parts=[], rows=tmp_path / f"{number}.jsonl", sketches=files["sketches"][-1])
        call(link_rows, NEAR | {"enabled": sketching["enabled"]} | config, **files)
        return [line for path in files["links"] for line in pq.read_table(path).to_pylist()]

    return run


def test_shingles_count_letters_only_and_texts_do_not_run_into_each_other() -> None:
    folded = fold(["Ab，c", "天地 玄黄！", "x", ""])
    assert "".join(map(chr, folded.characters)) == "abc天地玄黄x"
    assert folded.offsets.tolist() == [0, 3, 7, 8, 8]
    hashes, offsets = shingle(folded, 2)
    assert offsets.tolist() == [0, 2, 5, 5, 5]  # ab bc | 天地 地玄 玄黄 | too short | empty
    alone, _ = shingle(fold(["玄黄"]), 2)
    assert hashes[4] == alone[0] and len(set(hashes.tolist())) == 5


def test_keys_are_those_of_the_folded_text_unless_nothing_counts() -> None:
    texts = ["你好！", "你好", "？", "！", "Yes.", "yes"]
    keys = keys_of(texts, fold(texts)).tolist()
    assert keys[0] == keys[1] and keys[4] == keys[5]
    assert len(set(keys)) == 4


def test_lone_surrogates_do_no_harm() -> None:
    texts = ["\ud800", "天\ud800地"]
    assert len(keys_of(texts, fold(texts))) == 2
    assert shingle(fold(texts), 2)[1].tolist() == [0, 0, 1]


def test_batches_are_bounded_in_rows_and_characters(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shingles, "_ROWS_AT_A_TIME", 3)
    monkeypatch.setattr(shingles, "_CHARACTERS_AT_A_TIME", 10)
    sizes = [len(batch) for batch in shingles.batches((None, "一" * n) for n in (1, 1, 1, 1, 50, 9, 1))]
    assert sizes == [3, 2, 2]


def test_sketches_estimate_the_similarity() -> None:
    draws = random.Random(3)
    text = han(draws, 400)
    kept = [0, 100, 200, 300, 360, 400]
    rows = [row(f"s/f#{n}", text[:n] + han(draws, 400 - n), "") for n in kept]
    (batch,) = sketch(rows, Sketching.model_validate(SKETCH))
    values = np.stack([np.frombuffer(value, np.uint8) for value in batch.column("sketch").to_pylist()])
    true = []
    for n in kept:
        same = max(0, n - 2)
        true.append(same / (2 * 398 - same))
    estimated = similarity(values, np.broadcast_to(values[-1], values.shape))
    assert np.abs(estimated - true).max() < 0.1
    assert estimated[-1] == 1.0


@pytest.mark.parametrize(
    ("num_perm", "threshold", "bands"),
    [(128, 0.8, (21, 6)), (128, 0.5, (42, 3)), (128, 0.95, (16, 8)), (16, 0.3, (16, 1)), (64, 0.8, (12, 5))],
)
def test_bands_are_the_widest_that_find_the_threshold(num_perm: int, threshold: float, bands: tuple[int, int]) -> None:
    assert bands_of(num_perm, threshold) == bands


def test_clusters_are_those_of_comparing_everything_with_everything() -> None:
    """Sketches with known shares of equal values: one cluster of a bucket of hundreds, some chains, many others."""
    generator = np.random.default_rng(5)
    values = generator.integers(0, 256, (900, 128), dtype=np.uint8)
    for first, second in itertools.pairwise((5, 300, 17, 800)):
        values[second] = values[first]
        values[second, generator.choice(128, 12, replace=False)] ^= 7
    values[400:700] = values[399]  # a bucket far larger than what a row is compared with
    for number in range(400, 700):
        values[number, number % 128] ^= 1
    is_known = np.ones(900, bool)
    values[20] = values[21]
    is_known[20] = False
    expected = separate(900)
    for first, second in itertools.combinations(np.flatnonzero(is_known), 2):
        if similarity(values[[first]], values[[second]])[0] >= 0.8:
            expected = joined(expected, np.array([first]), np.array([second]))
    found = clusters(values, is_known, 0.8)
    assert found.tolist() == expected.tolist()
    assert found[[5, 300, 17, 800]].tolist() == [5, 5, 5, 5]
    assert found[400] == found[699] == 399 and found[20] == 20


def test_components_are_joined_by_pairs_and_by_keys() -> None:
    labels = joined(separate(6), np.array([4, 1]), np.array([5, 4]))
    assert labels.tolist() == [0, 1, 2, 3, 1, 1]
    assert joined(labels, np.zeros(0, int), np.zeros(0, int)).tolist() == labels.tolist()
    rows, keys = np.array([0, 1, 2, 3, 3]), np.array([7, 8, 7, 8, 9], np.uint64)
    assert joined_by_key(separate(4), rows, keys).tolist() == [0, 1, 0, 1]
    rows, keys = np.array([0, 1, 2, 3, 4]), np.array([7, 7, 7, 8, 8], np.uint64)
    assert joined_by_key(separate(5), rows, keys, max_rows=2).tolist() == [0, 1, 2, 3, 3]


def test_prompt_and_reply_of_every_shape() -> None:
    said = [message("system", "规则"), message("user", "一"), message("assistant", "二"), message("user", "三")]
    assert prompt_and_reply(sft_row("s/f#0", "s", [*said, message("assistant", "四")])) == ("一\n二\n三", "四")
    assert prompt_and_reply(sft_row("s/f#0", "s", said)) == ("一\n二\n三", "")
    assert prompt_and_reply(pair("s/f#0", "问", "好", "坏")) == ("问", "好")


def test_variants_of_a_text_are_a_cluster_and_share_a_group(linked: Callable[..., list[dict]]) -> None:
    draws = random.Random(1)
    text, other = han(draws, 120), han(draws, 120)
    variant = text[:60] + "濕" + text[61:]
    rows = [
        row("s/f#0", text[:40], text[40:]),
        row("s/f#1", other[:40], other[40:]),
        row("s/f#2", variant[:40] + "？", variant[40:] + "！"),
    ]
    lines = linked(rows)
    assert [line["id"] for line in lines] == ["s/f#0", "s/f#1", "s/f#2"]
    assert [line["cluster"] for line in lines] == [0, None, 0]
    groups = [line["group"] or row["group"] for line, row in zip(lines, rows, strict=True)]
    assert groups[0] == groups[2] == min(rows[0]["group"], rows[2]["group"]) and groups[1] == rows[1]["group"]
    assert lines[1]["group"] is None


def test_switched_off_prompts_still_stay_together(linked: Callable[..., list[dict]]) -> None:
    text = han(random.Random(1), 80)
    rows = [row("s/f#0", text, "甲", group="a" * 16), row("s/f#1", text + "！", "乙", group="b" * 16)]
    lines = linked(rows, enabled=False)
    assert [(line["cluster"], line["group"]) for line in lines] == [(None, None), (None, "a" * 16)]


@pytest.mark.parametrize(("most", "shared"), [(3, {"0" * 16}), (2, {"0" * 16, "1" * 16, "2" * 16}), (None, None)])
def test_replies_link_rows_unless_they_are_stock_phrases(
    most: int | None, shared: set[str] | None, linked: Callable[..., list[dict]]
) -> None:
    """A chosen, a rejected and an SFT reply in the same words, of three prompts, over two sources."""
    sft = [row("s/f#0", "问题甲", "同样的回答。", group="2" * 16)]
    pairs = [
        pair("p/f#0", "问题乙", "同样的回答", "别的", group="1" * 16),
        pair("p/f#1", "问题丙", "又一个", "同样的回答！", group="0" * 16),
    ]
    lines = linked(sft, pairs, max_same_replies=most)
    groups = {line["group"] or each["group"] for line, each in zip(lines, [*sft, *pairs], strict=True)}
    assert groups == (shared or {"0" * 16, "1" * 16, "2" * 16})


def test_groups_of_any_form_are_linked(linked: Callable[..., list[dict]]) -> None:
    rows = [row("s/f#0", "同一个问题", "甲", group="tree/7"), row("s/f#1", "同一个问题", "乙", group="tree/8")]
    lines = linked([*rows, row("s/f#2", "另一个", "丙", group="tree/8")], max_same_replies=None)
    new = {line["group"] for line in lines} - {None}
    assert len(new) == 1 and all(len(group) == 16 for group in new)
    assert all(line["group"] for line in lines)


def test_a_group_of_many_rows_is_warned_of(linked: Callable[..., list[dict]], caplog: pytest.LogCaptureFixture) -> None:
    draws = random.Random(8)
    rows = [row(f"s/f#{n}", han(draws, 30), han(draws, 60)) for n in range(40)]
    linked(rows)
    assert caplog.text == ""
    linked([*rows, *(row(f"s/f#{n}", han(draws, 30), "好的。") for n in range(40, 43))])
    assert "3 of 43 rows are linked into one group" in caplog.text


def test_short_texts_have_no_near_duplicates(linked: Callable[..., list[dict]]) -> None:
    lines = linked([row("s/f#0", "？", "啊"), row("s/f#1", "！", "啊")], max_same_replies=None)
    assert [line["cluster"] for line in lines] == [None, None]


def test_links_do_not_depend_on_how_rows_are_batched(
    linked: Callable[..., list[dict]], monkeypatch: pytest.MonkeyPatch
) -> None:
    draws = random.Random(2)
    texts = [han(draws, 60) for _ in range(30)]
    rows = [row(f"s/f#{n}", texts[n % 30][:20], texts[n % 30][20:-1] + han(draws, 1)) for n in range(60)]
    lines = linked(rows[:45], rows[45:])
    monkeypatch.setattr(shingles, "_ROWS_AT_A_TIME", 7)
    assert linked(rows[:45], rows[45:]) == lines
    assert [line["cluster"] for line in lines] == [n % 30 for n in range(60)]


def overlaps_with(
    folder: Path, evaluation_rows: list[Path] | None = None, evaluation_files: list[Path] | None = None
) -> list[dict[str, Any]]:
    """What `find_contamination` finds of the given evaluation texts in the folder's rows.jsonl."""
    found = folder / "overlaps.parquet"
    call(
        find_contamination,
        {"ngram": 13},
        parts=[],
        rows=folder / "rows.jsonl",
        evaluation_rows=evaluation_rows or [],
        evaluation_files=evaluation_files or [],
        overlaps=found,
    )
    return pq.read_table(found).to_pylist()


def test_rows_that_hold_an_evaluation_text_are_found(tmp_path: Path, write: Callable[..., Path]) -> None:
    draws = random.Random(4)
    question, passage, shared = han(draws, 40), han(draws, 200), han(draws, 13)
    write_rows(
        tmp_path / "rows.jsonl",
        [
            row("s/f#0", f"请回答：{question}？", "甲"),
            row("s/f#1", han(draws, 300), passage[:100] + han(draws, 50)),
            row("s/f#2", han(draws, 300), "乙"),
            pair("s/f#3", "问", "好", f"{question[:20]}，{question[20:]}"),  # punctuation hides nothing
            row("s/f#4", shared, "一句人人会说的话"),
        ],
    )
    files = [
        write("cmmlu/dev.json", [{"question": question, "choices": ["甲", passage], "answer": 1, "x": "\ud800"}]),
        write("other/test.jsonl", "".join(json.dumps({"q": shared + han(draws, 9)}) + "\n" for _ in range(11))),
    ]
    lines = overlaps_with(tmp_path, evaluation_files=files)
    assert [(line["id"], round(line["overlap"], 2), line["text"]) for line in lines] == [
        ("s/f#0", 1.0, "cmmlu/dev.json#0"),
        ("s/f#1", 0.47, "cmmlu/dev.json#0"),  # 88 of 188 n-grams
        ("s/f#3", 1.0, "cmmlu/dev.json#0"),
    ]


def test_rows_of_an_evaluation_source_are_looked_for_too(tmp_path: Path) -> None:
    text = han(random.Random(6), 60)
    write_rows(tmp_path / "rows.jsonl", [row("s/f#0", text[:30], text[30:])])
    write_rows(tmp_path / "held.jsonl", [row("e/f#0", "请问：" + text[:30], text[30:])])
    (line,) = overlaps_with(tmp_path, evaluation_rows=[tmp_path / "held.jsonl"])
    assert (line["id"], line["text"]) == ("s/f#0", "e/f#0") and 0.9 < line["overlap"] < 1.0


def test_of_an_archive_the_tables_are_looked_for(tmp_path: Path) -> None:
    text = han(random.Random(7), 60)
    write_rows(tmp_path / "rows.jsonl", [row("s/f#0", text[:30], text[30:])])
    with zipfile.ZipFile(tmp_path / "cmmlu_v1_0_1.zip", "w") as packed:
        packed.writestr("README.txt", "not a table")
        packed.writestr("test/law.csv", f",Question\n0,{text}\n")
    (line,) = overlaps_with(tmp_path, evaluation_files=[tmp_path / "cmmlu_v1_0_1.zip"])
    assert line["id"] == "s/f#0" and line["text"].endswith("cmmlu_v1_0_1.zip/test/law.csv#0")
    assert [name for name in ("a/cmmlu.ZIP", "b.jsonl.gz", "c.md", "d.zip.txt") if holds_tables(name)] == [
        "a/cmmlu.ZIP",
        "b.jsonl.gz",
    ]


def test_a_text_in_many_evaluation_rows_of_one_group_is_no_form_of_words() -> None:
    draws = random.Random(8)
    fact, asked = han(draws, 60), han(draws, 30)
    held = [row(f"e/f#{n}", f"{asked}{fact}{han(draws, 20)}", "答") | {"group": "0" * 16} for n in range(12)]
    held += [row(f"e/f#{n}", asked + han(draws, 60), "答") | {"group": f"{n:016x}"} for n in range(12, 30)]
    known = contamination.index(contamination.texts_of_rows(held), 13)
    rows = [row("s/f#0", f"{fact}{han(draws, 90)}", "甲"), row("s/f#1", asked + han(draws, 90), "乙")]
    (line,) = pa.concat_tables(contamination.overlaps(rows, known, 13)).to_pylist()
    assert (line["id"], line["text"]) == ("s/f#0", "e/f#0")  # and not the one that only asks alike
    alone = contamination.index([(each["id"], each["messages"][0]["content"]) for each in held], 13)
    assert pa.concat_tables(contamination.overlaps(rows, alone, 13)).num_rows == 0


def test_an_unreadable_evaluation_file_stops(tmp_path: Path, write: Callable[..., Path]) -> None:
    write_rows(tmp_path / "rows.jsonl", [row("s/f#0", "问", "答")])
    file = write("cmmlu/test.jsonl", '{"q": "好"}\n{"q": \n')
    with pytest.raises(UserError, match="record 1") as caught:
        overlaps_with(tmp_path, evaluation_files=[file])
    assert caught.value.where.endswith("cmmlu/test.jsonl")
    assert not (tmp_path / "overlaps.parquet").exists()


def test_without_evaluation_texts_nothing_is_found() -> None:
    known = contamination.index([("a", "短")], 13)
    tables = list(contamination.overlaps([row("s/f#0", "一" * 30, "二")], known, 13))
    assert pa.concat_tables(tables).num_rows == 0


def test_prompts_in_two_splits_stop_and_replies_are_counted(tmp_path: Path) -> None:
    rows = {
        "train": [row("s/f#0", "问题甲", "一样的回答"), row("s/f#1", "问题乙", "别的")],
        "val": [row("s/f#2", "问题丙", "又一个")],
        "test": [pair("p/f#0", "问题丁", "好的", "一样的回答。")],
    }
    files = {name: tmp_path / f"{name}.jsonl" for name in rows}
    for name, part in rows.items():
        write_rows(files[name], part)
    call(check_splits, {}, **files, leaks=tmp_path / "leaks.json")
    assert read_json(tmp_path / "leaks.json") == {
        "prompts": {"distinct": 4, "in_two_splits": 0, "examples": []},
        "replies": {"distinct": 4, "in_two_splits": 1, "examples": [["train: s/f#0", "test: p/f#0"]]},
    }
    write_rows(files["val"], [row("s/f#3", "问题，甲！", "又一个")])
    with pytest.raises(RuntimeError, match=r"1 prompts stand in two splits, such as \['train: s/f#0', 'val: s/f#3'\]"):
        call(check_splits, {}, **files, leaks=tmp_path / "other.json")
    assert not (tmp_path / "other.json").exists()
    assert len(list(read_rows(files["train"]))) == 2
