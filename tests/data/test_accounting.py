"""Nothing gets lost: each step checks its own sums, and a mismatch fails it with the numbers."""

import dataclasses
import json
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.data.conftest import NO_PARTS
from workflow_scripts import clean_rows, count_tokens, measure_rows, mix_sources, split_groups, standardize
from workflow_scripts.lib import accounting
from workflow_scripts.lib.accounting import Sums
from workflow_scripts.lib.adapters import registry
from workflow_scripts.lib.adapters.options import AdapterOptions
from workflow_scripts.lib.dedup.links import SCHEMA
from workflow_scripts.lib.jsonl import read_json, write_rows
from workflow_scripts.lib.mixing.order import Order
from workflow_scripts.lib.records import Drop, RawRow, message, sft_row

EDITS = {"mask_personal_data": False, "strip_reasoning": False}
SFT = {"seed": 42, "source": {"use": "sft", "adapter": "alpaca", "options": {}}, "edits": EDITS}
BOUNDS = {
    "min_chars": None, "max_chars": None, "min_tokens": None, "max_tokens": None, "min_han_ratio": None,
    "allow_english": False, "max_repetition": None, "languages": None, "max_english_ratio": None,
    "max_mojibake": None, "blocklists": [], "pii": "keep", "reasoning": "keep", "refusals": "keep",
}  # fmt: skip


def row_of(row_id: str) -> dict[str, Any]:
    return sft_row(row_id, "s", [message("user", f"问{row_id}"), message("assistant", "答")])


def adapter(results: list[Any]) -> ModuleType:
    """Return an adapter that reads all records and gives these results."""

    def convert(rows: Iterator[RawRow], *_: Any) -> Iterator[Any]:
        list(rows)
        yield from results

    made = ModuleType("made_up")
    made.USES, made.Options, made.convert = ("sft",), AdapterOptions, convert
    made.SHAPES, made.OPTIONAL = (("text",),), ()
    return made


def run_standardize(folder: Path, results: list[Any], monkeypatch: pytest.MonkeyPatch, records: int = 3) -> dict:
    raw = folder / "raw.json"
    raw.write_text(json.dumps([{"text": "x"}] * records), encoding="utf-8")
    monkeypatch.setattr(registry, "load", lambda *_: adapter(results))
    flags = [f"--{name}={folder / file}" for name, file in FILES.items()]
    standardize.main(["--config", json.dumps(SFT), "--source", "s", "--raw", str(raw), *NO_PARTS, *flags])
    return read_json(folder / "s.json")


FILES = {"rows": "s.jsonl", "drops": "s.drops.jsonl", "sums": "s.json"}


def test_sums_of_rows_drops_joined_records_and_further_rows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    results = [
        row_of("s/raw.json#0"),
        Drop("s/raw.json#1", "used_by", "s/raw.json#0"),
        row_of("s/raw.json#2"),
        row_of("s/raw.json#2+1"),
        Drop("s/raw.json#2+2", "empty", "no answer"),
        Drop("s/raw.json#3", "deleted", ""),
    ]
    sums = run_standardize(tmp_path, results, monkeypatch, records=4)
    assert sums == {
        "step": "standardize",
        "unit": "records",
        "in": 4,
        "out": 3,
        "dropped": {"deleted": 1, "empty": 1},
        "joined": 1,
        "further": 2,
    }


@pytest.mark.parametrize(
    ("results", "told"),
    [
        (["s/r#0", "s/r#1"], r"s, standardize: 3 records in, 2 accounted for \(2 rows out\)"),
        (["s/r#0", "s/r#1", "s/r#2", "s/r#9"], r"3 records in, 4 accounted for \(4 rows out\)"),
        (["s/r#0+1", "s/r#1", "s/r#2"], r"3 records in and 1 further rows of them, 3 accounted for"),
    ],
)
def test_an_adapter_that_loses_or_invents_rows_fails_the_job(
    results: list[str], told: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(RuntimeError, match=told):
        run_standardize(tmp_path, [row_of(name) for name in results], monkeypatch)
    assert not list(tmp_path.glob("s.*"))


def test_a_ledger_that_does_not_explain_what_is_missing_fails_cleaning(
    tmp_path: Path, tokenizer: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_rows(tmp_path / "s.jsonl", [row_of(f"s/r#{number}") for number in range(4)])
    measures = tmp_path / "s.parquet"
    rows, tokens = f"--rows={tmp_path / 's.jsonl'}", tmp_path / "s.tokens.parquet"
    config = '{"repetition_ngram": 4, "blocklists": []}'
    measure_rows.main(["--config", config, rows, "--blocklists", "--parts", f"--measures={measures}"])
    limits = '{"min_tokens": null, "max_tokens": null}'
    found = [f"--measures={measures}", f"--tokens={tokens}"]
    count_tokens.main(["--config", limits, rows, "--parts", f"--tokenizer={tokenizer}", *found])
    whole = clean_rows.dropped_rows
    # a rule that names a row twice
    monkeypatch.setattr(clean_rows, "dropped_rows", lambda *args: (found := whole(*args)).vstack(found))
    flags = [f"--kept={tmp_path / 'k.jsonl'}", f"--drops={tmp_path / 'd.jsonl'}", f"--sums={tmp_path / 'k.json'}"]
    with pytest.raises(RuntimeError, match=r"s, clean: 4 rows in, 8 accounted for \(0 rows out, 8 too_long_chars\)"):
        clean_rows.main(["--config", json.dumps(BOUNDS | {"max_chars": 1}), rows, *found, *flags])
    assert not (tmp_path / "k.json").exists()


def test_mixing_that_loses_a_row_fails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_rows(tmp_path / "s.jsonl", [row_of(f"s/r#{number}") for number in range(4)])
    whole = mix_sources.mix

    def forgetful(*args: Any) -> Any:
        mixture = whole(*args)
        order = Order(mixture.order.parts[:-1], mixture.order.positions[:-1])
        return dataclasses.replace(mixture, order=order)

    monkeypatch.setattr(mix_sources, "mix", forgetful)
    config = {
        "seed": 42,
        "mix": {"max_samples": None, "min_zh_ratio": 0.0, "curriculum": "none"},
        "drop_near_duplicates": False,
        "max_overlap": None,
        "refuse_derived": False,
        "sources": {"s": {"weight": 1.0, "max_rows": 3, "where": {}}},
    }
    links = tmp_path / "links" / "s.parquet"
    links.parent.mkdir()
    columns = {"id": [f"s/r#{number}" for number in range(4)], "cluster": [None] * 4, "group": [None] * 4}
    pq.write_table(pa.table(columns, schema=SCHEMA), links)
    flags = [f"--{name}={tmp_path / name}" for name in ("mixed", "drops", "summary")]
    with pytest.raises(RuntimeError, match=r"s, mix: 4 rows in, 3 accounted for \(2 rows out, 1 over_max_rows\)"):
        mix_sources.main(["--config", json.dumps(config), "--kept", str(tmp_path / "s.jsonl"), "--links", str(links),
                          "--overlaps", *flags])  # fmt: skip


def test_splitting_that_loses_a_row_fails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_rows(tmp_path / "sft" / "mixed.jsonl", [row_of(f"s/r#{number}") for number in range(50)])
    whole = split_groups.split_rows

    def forgetful(lines: Iterator[Any], *args: Any) -> Any:
        manifest = whole(lines, *args)
        manifest["train"]["rows"] -= 1
        return manifest

    monkeypatch.setattr(split_groups, "split_rows", forgetful)
    flags = [f"--{name}={tmp_path / name}" for name in ("train", "val", "test", "manifest", "store")]
    config = {"split": {"train": 0.5, "val": 0.25, "test": 0.25, "seed": 1}}
    with pytest.raises(RuntimeError, match=r"sft, split: 50 rows in, 49 accounted for \(49 rows out\)"):
        split_groups.main(["--config", json.dumps(config), f"--mixed={tmp_path / 'sft/mixed.jsonl'}", *flags])


def test_steps_that_do_not_meet_are_refused() -> None:
    steps = [Sums("clean", "rows", 5, 4, {"duplicate": 1}), Sums("mix", "rows", 3, 3, {})]
    with pytest.raises(RuntimeError, match="s: clean gave 4 rows, mix took 3: a bug, or files of different runs"):
        accounting.check_chain("s", steps)


@pytest.mark.parametrize(
    ("row_id", "further"),
    [("s/a.b.json#7", False), ("s/a#7+1", True), ("s/a#7+10", True), ("s/a+1#0", False)],
)
def test_further_rows(row_id: str, further: bool) -> None:
    assert accounting.is_further(row_id) is further


def test_sums_are_the_same_after_writing_and_reading() -> None:
    sums = Sums("standardize", "records", 9, 8, {"b": 1, "a": 2}, {"over_share": 1}, joined=1, further=4)
    sums.check("s")
    assert accounting.from_json(sums.as_json()) == sums
    assert list(sums.as_json()["dropped"]) == ["a", "b"]
