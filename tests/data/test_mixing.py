"""Mixing: shares, quotas, duplicates across sources, order."""

import json
import logging
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from workflow_scripts import mix_sources
from workflow_scripts.lib.dedup import contamination
from workflow_scripts.lib.dedup.links import SCHEMA
from workflow_scripts.lib.errors import UserError
from workflow_scripts.lib.jsonl import read_json, read_rows, write_rows
from workflow_scripts.lib.mixing.draws import draw, share
from workflow_scripts.lib.mixing.quotas import most_others, shares_of
from workflow_scripts.lib.records import message, sft_row

MIX = {"max_samples": None, "min_zh_ratio": 0.0, "curriculum": "none"}
ALL = {"weight": 1.0, "max_rows": None, "where": {}}


def rows_of(source: str, count: int, text: str = "第{}个问题", **more: object) -> list[dict]:
    return [
        sft_row(f"{source}/f.json#{number}", source, [message("user", text.format(number) + source)], **more)
        for number in range(count)
    ]


class Mixed:
    """What the script wrote."""

    def __init__(self, folder: Path) -> None:
        self.rows = list(read_rows(folder / "mixed.jsonl"))
        self.drops = list(read_rows(folder / "drops.jsonl"))
        self.summary = read_json(folder / "summary.json")
        self.ids = [row["id"] for row in self.rows]

    def count(self, source: str) -> int:
        return sum(row["source"] == source for row in self.rows)


def run(
    folder: Path,
    rows: dict[str, list[dict]],
    taken: dict | None = None,
    seed: int = 42,
    links: dict[str, dict] | None = None,
    overlaps: dict[str, list[dict]] | None = None,
    near: bool = False,
    refuse_derived: bool = False,
    **mix: object,
) -> Mixed:
    """Mix rows; ``links`` gives row ids their cluster and group, ``overlaps`` sources their lines."""
    found, tables = [], []
    for name, source_rows in rows.items():
        write_rows(folder / f"{name}.jsonl", source_rows)
        lines = [{"id": row["id"]} | (links or {}).get(row["id"], {}) for row in source_rows]
        (folder / "links").mkdir(exist_ok=True)
        found.append(str(folder / "links" / f"{name}.parquet"))
        pq.write_table(pa.Table.from_pylist(lines, SCHEMA), found[-1])
        if overlaps:
            (folder / "overlaps").mkdir(exist_ok=True)
            tables.append(str(folder / "overlaps" / f"{name}.parquet"))
            pq.write_table(pa.Table.from_pylist(overlaps.get(name, []), contamination.SCHEMA), tables[-1])
    sources = {name: ALL | (taken or {}).get(name, {}) for name in rows}
    config = {"seed": seed, "mix": MIX | mix, "drop_near_duplicates": near, "max_overlap": 0.5, "sources": sources}
    config["refuse_derived"] = refuse_derived
    files = [str(folder / f"{name}.jsonl") for name in rows]
    outputs = {"mixed": "mixed.jsonl", "drops": "drops.jsonl", "summary": "summary.json"}
    flags = [part for flag, name in outputs.items() for part in (f"--{flag}", str(folder / name))]
    inputs = ["--kept", *files, "--links", *found, "--overlaps", *tables]
    mix_sources.main(["--config", json.dumps(config), *inputs, *flags])
    return Mixed(folder)


def test_without_max_samples_every_row_of_every_weighted_source_is_taken(tmp_path: Path) -> None:
    rows = {"a": rows_of("a", 10), "b": rows_of("b", 5), "c": rows_of("c", 5)}
    mixed = run(tmp_path, rows, {"a": {"weight": 0.1}, "c": {"weight": 0.0}})
    assert (mixed.count("a"), mixed.count("b"), mixed.count("c")) == (10, 5, 0)
    assert sorted(mixed.ids) == sorted(row["id"] for name in "ab" for row in rows[name])
    assert mixed.ids != sorted(mixed.ids)
    assert set(mixed.summary["sources"]) == {"a", "b"}


def test_a_derived_pair_stops_where_such_are_refused(tmp_path: Path) -> None:
    rows = {"a": rows_of("a", 2), "b": [row | {"meta": {"derived": True}} for row in rows_of("b", 1)]}
    assert run(tmp_path, rows).count("b") == 1
    with pytest.raises(UserError) as caught:
        run(tmp_path, rows, refuse_derived=True)
    assert caught.value.what == f"{rows['b'][0]['id']} is a pair that was made or sampled, not judged"
    assert caught.value.where == "sources.b, mix.preference.derived"


def test_weights_divide_max_samples(tmp_path: Path) -> None:
    mixed = run(tmp_path, {"a": rows_of("a", 100), "b": rows_of("b", 100)}, {"a": {"weight": 3.0}}, max_samples=40)
    assert (mixed.count("a"), mixed.count("b")) == (30, 10)
    assert len(set(mixed.ids)) == 40
    assert mixed.summary["sources"]["a"]["not_taken"] == {"over_share": 70}
    assert mixed.drops == []  # a surplus is counted, not listed


def test_a_short_source_lowers_the_total_with_a_warning(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        mixed = run(tmp_path, {"a": rows_of("a", 3), "b": rows_of("b", 100)}, max_samples=20)
    assert (mixed.count("a"), mixed.count("b")) == (3, 10)
    assert "a has 3 rows, its share is 10: the total is lower" in caplog.text


def test_max_rows_caps_a_source_before_its_share(tmp_path: Path) -> None:
    mixed = run(tmp_path, {"a": rows_of("a", 100), "b": rows_of("b", 100)}, {"a": {"max_rows": 7}}, max_samples=20)
    assert (mixed.count("a"), mixed.count("b")) == (7, 10)
    assert mixed.summary["sources"]["a"] == {
        "step": "mix",
        "unit": "rows",
        "in": 100,
        "out": 7,
        "dropped": {},
        "not_taken": {"over_max_rows": 93},
    }


def test_chinese_quota_takes_fewer_other_rows(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    rows = {"zh": rows_of("zh", 30), "en": rows_of("en", 70, "question number {} of ")}
    with caplog.at_level(logging.WARNING):
        mixed = run(tmp_path, rows, min_zh_ratio=0.75)
    assert (mixed.count("zh"), mixed.count("en")) == (30, 10)
    assert (mixed.summary["rows"], mixed.summary["zh_rows"]) == (40, 30)
    assert mixed.summary["sources"]["en"]["not_taken"] == {"over_zh_ratio": 60}
    assert "10 of 70 other rows are taken" in caplog.text
    caplog.clear()
    assert len(run(tmp_path, rows, min_zh_ratio=0.3).rows) == 100  # met without taking fewer
    assert caplog.text == ""


def test_the_earlier_source_keeps_what_two_have(tmp_path: Path) -> None:
    common = [message("user", "同一个问题"), message("assistant", "同一个回答")]
    rows = {
        "b": [*rows_of("b", 2), sft_row("b/f.json#9", "b", common)],
        "a": [sft_row("a/f.json#0", "a", common), *rows_of("a", 3)[1:]],
    }
    mixed = run(tmp_path, rows)
    assert "b/f.json#9" in mixed.ids and "a/f.json#0" not in mixed.ids
    assert mixed.drops == [
        {
            "id": "a/f.json#0",
            "step": "mix",
            "reason": "duplicate_across_sources",
            "detail": "same contents as b/f.json#9",
        }
    ]


def near_rows() -> tuple[dict[str, list[dict]], dict[str, dict]]:
    """Rows of two sources, of which b#1, b#3 and a#0 are near-duplicates, and links that say so."""
    alike = {"cluster": 1, "group": "00000000000000ff"}
    return {"b": rows_of("b", 4), "a": rows_of("a", 2)}, {
        f"{n}": alike for n in ("b/f.json#1", "b/f.json#3", "a/f.json#0")
    }


def test_of_near_duplicates_the_first_one_stays_and_the_ledger_names_it(tmp_path: Path) -> None:
    rows, links = near_rows()
    mixed = run(tmp_path, rows, links=links, near=True)
    assert sorted(mixed.ids) == ["a/f.json#1", "b/f.json#0", "b/f.json#1", "b/f.json#2"]
    assert mixed.drops == [
        {"id": name, "step": "mix", "reason": "near_duplicate", "detail": "like b/f.json#1"}
        for name in ("b/f.json#3", "a/f.json#0")
    ]
    assert [mixed.summary["sources"][name]["dropped"] for name in "ba"] == [{"near_duplicate": 1}] * 2


def test_the_first_one_is_the_first_that_is_taken(tmp_path: Path) -> None:
    """What cleaning or ``where`` takes out is no reason to drop what resembles it."""
    rows, links = near_rows()
    for row in rows["b"]:
        row["lang"] = "en" if row["id"] == "b/f.json#1" else "zh"
    mixed = run(tmp_path, rows, {"b": {"where": {"lang": ["zh"]}}}, links=links, near=True)
    assert [drop["detail"] for drop in mixed.drops if drop["reason"] == "near_duplicate"] == ["like b/f.json#3"]
    assert "b/f.json#3" in mixed.ids and "a/f.json#0" not in mixed.ids


def test_near_duplicates_that_stay_share_a_group_and_no_other_byte_changes(tmp_path: Path) -> None:
    rows, links = near_rows()
    mixed = run(tmp_path, rows, links=links, near=False)
    assert mixed.drops == [] and len(mixed.rows) == 6
    before = {row["id"]: row for source in rows.values() for row in source}
    for row in mixed.rows:
        wanted = links.get(row["id"], before[row["id"]])["group"]
        assert list(row.items()) == list((before[row["id"]] | {"group": wanted}).items())


def test_rows_that_hold_most_of_an_evaluation_text_go(tmp_path: Path) -> None:
    found = [
        {"id": "a/f.json#0", "overlap": 0.5, "text": "cmmlu/dev.csv#3"},
        {"id": "a/f.json#2", "overlap": 0.75, "text": "cmmlu/dev.csv#4"},
    ]
    mixed = run(tmp_path, {"a": rows_of("a", 3)}, overlaps={"a": found})
    assert sorted(mixed.ids) == ["a/f.json#0", "a/f.json#1"]
    assert [(drop["reason"], drop["detail"]) for drop in mixed.drops] == [
        ("contaminated", "holds 0.75 of cmmlu/dev.csv#4")
    ]


def test_links_of_other_rows_are_refused(tmp_path: Path) -> None:
    rows = rows_of("a", 2)
    run(tmp_path, {"a": rows})
    write_rows(tmp_path / "a.jsonl", rows_of("b", 2))
    config = {"seed": 42, "mix": MIX, "drop_near_duplicates": False, "max_overlap": None, "refuse_derived": False}
    config |= {"sources": {"a": ALL}}
    inputs = ["--kept", str(tmp_path / "a.jsonl"), "--links", str(tmp_path / "links" / "a.parquet"), "--overlaps"]
    outputs = ["--mixed", str(tmp_path / "m"), "--drops", str(tmp_path / "d"), "--summary", str(tmp_path / "s")]
    with pytest.raises(RuntimeError, match=r"b/f\.json#0 has no link"):
        mix_sources.main(["--config", json.dumps(config), *inputs, *outputs])


def test_where_takes_rows_by_a_field_of_the_row_or_its_meta(tmp_path: Path) -> None:
    rows = [*rows_of("a", 3, meta={"subject": "数学"}), *rows_of("a", 6, meta={"subject": "语文"})[3:]]
    mixed = run(tmp_path, {"a": rows}, {"a": {"where": {"subject": ["数学", "物理"], "lang": ["zh"]}}})
    assert sorted(mixed.ids) == ["a/f.json#0", "a/f.json#1", "a/f.json#2"]
    assert {(drop["reason"], drop["detail"]) for drop in mixed.drops} == {("where", "subject is '语文'")}
    assert len(mixed.drops) == 3


@pytest.mark.parametrize(
    ("kept", "asked", "count"), [("7", 7, 3), (True, "true", 3), (4.0, 4, 3), ("7", "7", 3), ("7", 70, 0), ("7", "", 0)]
)
def test_where_knows_a_value_by_its_text(kept: object, asked: object, count: int, tmp_path: Path) -> None:
    rows = {"a": rows_of("a", 3, meta={"field": kept}), "b": rows_of("b", 1)}
    assert run(tmp_path, rows, {"a": {"where": {"field": ["other", asked]}}}).count("a") == count


def test_where_with_a_field_that_no_row_has_is_a_mistake(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no row has the field 'subjekt'") as caught:
        run(tmp_path, {"a": rows_of("a", 3, meta={"subject": "数学"})}, {"a": {"where": {"subjekt": ["数学"]}}})
    assert caught.value.where == "sources.a.where.subjekt"
    assert "subject" in caught.value.change


def test_a_source_of_which_nothing_is_taken_is_named(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """As by a value of ``where`` with a typing error."""
    rows = {"a": rows_of("a", 3, meta={"subject": "数学"}), "b": rows_of("b", 2)}
    with caplog.at_level(logging.WARNING):
        run(tmp_path, rows, {"a": {"where": {"subject": ["數學"]}}})
    assert caplog.messages == ["a: none of 3 rows is taken; the data card's funnel shows why"]


def test_nothing_left_stops(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no row is left after mixing"):
        run(tmp_path, {"a": []})
    with pytest.raises(UserError, match="no row is left after mixing"):
        run(tmp_path, {"a": rows_of("a", 5, "only English {} ")}, min_zh_ratio=0.5)


def test_added_rows_do_not_move_the_others(tmp_path: Path) -> None:
    rows = rows_of("a", 60)
    before = run(tmp_path, {"a": rows[:50]}).ids
    after = run(tmp_path, {"a": rows}).ids
    added = {row["id"] for row in rows[50:]}
    assert [row_id for row_id in after if row_id not in added] == before
    fewer = run(tmp_path, {"a": rows[:50]}, max_samples=20).ids
    more = run(tmp_path, {"a": rows}, max_samples=20).ids
    assert len(set(fewer) - set(more)) == len(set(more) & added) < 20
    assert set(more) - added <= set(fewer)


def test_order_depends_on_the_seed_and_not_on_the_files_order(tmp_path: Path) -> None:
    rows = rows_of("a", 40)
    first = run(tmp_path, {"a": rows}).ids
    assert run(tmp_path, {"a": rows[::-1]}).ids == first
    assert run(tmp_path, {"a": rows}, seed=43).ids != first


def test_curriculum_goes_from_short_to_long(tmp_path: Path) -> None:
    rows = [sft_row(f"a/f#{n}", "a", [message("user", "长" * (1 + n % 7) + str(n))]) for n in range(30)]
    lengths = [
        len(row["messages"][0]["content"]) for row in run(tmp_path, {"a": rows}, curriculum="short_to_long").rows
    ]
    assert lengths == sorted(lengths) and len(set(lengths)) > 3


@pytest.mark.parametrize(
    ("total", "weights", "shares"),
    [
        (10, {"a": 1.0, "b": 1.0, "c": 1.0}, {"a": 4, "b": 3, "c": 3}),
        (7, {"a": 0.1, "b": 0.2}, {"a": 2, "b": 5}),
        (5, {"a": 1.0}, {"a": 5}),
    ],
)
def test_shares_sum_to_the_total(total: int, weights: dict, shares: dict) -> None:
    assert shares_of(total, weights) == shares


@pytest.mark.parametrize(
    ("num_zh", "ratio", "others"), [(70, 0.7, 30), (90, 0.9, 10), (10, 1.0, 0), (10, 0.0, None), (0, 0.5, 0)]
)
def test_most_others_is_exact(num_zh: int, ratio: float, others: int | None) -> None:
    assert most_others(num_zh, ratio) == others


def test_draws_are_fixed() -> None:
    assert draw(42, "mix", "a/f.json#0") == 12425537555531410583
    assert 0 <= share(42, "x") < 1
