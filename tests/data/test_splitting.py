"""Splitting by group: buckets that any ratios and seed keep whole, and a store that is never written twice."""

import hashlib
import json
import os
import stat
from collections import Counter
from pathlib import Path

import pytest

from workflow_scripts import split_groups
from workflow_scripts.lib.config.data import Split
from workflow_scripts.lib.errors import UserError
from workflow_scripts.lib.jsonl import read_json, read_rows, write_rows
from workflow_scripts.lib.splitting.buckets import BUCKETS, SPLITS, bucket_of, split_of
from workflow_scripts.lib.splitting.store import publish

EVEN = {"train": 0.8, "val": 0.1, "test": 0.1, "seed": 42}


def rows_of(count: int) -> list[dict]:
    return [{"id": f"a/f#{n}", "group": hashlib.sha256(str(n // 2).encode()).hexdigest()[:16]} for n in range(count)]


def run(folder: Path, rows: list[dict], split: dict = EVEN) -> dict[str, list[dict]]:
    write_rows(folder / "mixed.jsonl", rows)
    files = {name: folder / "out" / f"{name}.jsonl" for name in SPLITS}
    flags = [part for name, path in files.items() for part in (f"--{name}", str(path))]
    flags += ["--mixed", str(folder / "mixed.jsonl"), "--manifest", str(folder / "splits.json")]
    split_groups.main(["--config", json.dumps({"split": split}), *flags, "--store", str(folder / "store")])
    return {name: list(read_rows(path)) for name, path in files.items()}


def test_buckets_are_fixed() -> None:
    assert [bucket_of(group) for group in ("0" * 16, "037101b3acdeb1e0")] == [811, 858]


@pytest.mark.parametrize(
    ("shares", "counts"),
    [
        ((0.8, 0.1, 0.1), {"train": 800, "val": 100, "test": 100}),
        ((0.999, 0.001, 0.0), {"train": 999, "val": 1}),
        ((0.334, 0.333, 0.333), {"train": 334, "val": 333, "test": 333}),
    ],
)
def test_buckets_are_cut_exactly(shares: tuple, counts: dict) -> None:
    split = Split(train=shares[0], val=shares[1], test=shares[2], seed=1)
    assert Counter(split_of(bucket, split) for bucket in range(BUCKETS)) == counts


def test_seed_permutes_and_val_does_not_touch_test() -> None:
    def members(name: str, **changes: float) -> set[int]:
        split = Split.model_validate(EVEN | changes)
        return {bucket for bucket in range(BUCKETS) if split_of(bucket, split) == name}

    assert members("test") != members("test", seed=43)
    assert members("test") == members("test", train=0.7, val=0.2)
    assert members("test") < members("test", train=0.7, test=0.2)


def test_every_row_is_in_the_split_of_its_group(tmp_path: Path) -> None:
    rows = rows_of(2000)
    splits = run(tmp_path, rows)
    assert sorted(row["id"] for part in splits.values() for row in part) == sorted(row["id"] for row in rows)
    groups = {name: {row["group"] for row in part} for name, part in splits.items()}
    assert not (groups["train"] & groups["val"] or groups["train"] & groups["test"] or groups["val"] & groups["test"])
    assert 1450 < len(splits["train"]) < 1750 and min(len(splits["val"]), len(splits["test"])) > 120


def test_added_rows_move_nothing(tmp_path: Path) -> None:
    before, after = run(tmp_path, rows_of(600)), run(tmp_path, rows_of(800))
    for name in SPLITS:
        assert after[name][: len(before[name])] == before[name]


def test_store_and_manifest(tmp_path: Path) -> None:
    splits = run(tmp_path, rows_of(400))
    manifest = read_json(tmp_path / "splits.json")
    assert list(manifest) == ["train", "val", "test"]
    for name, entry in manifest.items():
        stored, public = tmp_path / "store" / entry["file"], tmp_path / "out" / f"{name}.jsonl"
        assert entry == {
            "file": f"{hashlib.sha256(stored.read_bytes()).hexdigest()[:32]}.jsonl",
            "rows": len(splits[name]),
        }
        assert stored.read_bytes() == public.read_bytes()
        assert public.stat().st_nlink == 1 and not public.is_symlink()
        assert stat.S_IMODE(stored.stat().st_mode) == 0o444


def test_the_same_bytes_are_not_written_again(tmp_path: Path) -> None:
    run(tmp_path, rows_of(400))
    store = tmp_path / "store"
    for path in store.iterdir():
        os.utime(path, (1, 1))
    first = {path.name: path.stat().st_ino for path in store.iterdir()}
    run(tmp_path, rows_of(400))
    assert {path.name: path.stat().st_ino for path in store.iterdir()} == first and len(first) == 3
    assert {path.stat().st_mtime for path in store.iterdir()} == {1}


def test_other_bytes_leave_the_store_as_it_was(tmp_path: Path) -> None:
    run(tmp_path, rows_of(400))
    before = {path.name: path.read_bytes() for path in (tmp_path / "store").iterdir()}
    run(tmp_path, rows_of(500))
    after = {path.name: path.read_bytes() for path in (tmp_path / "store").iterdir()}
    assert len(after) > len(before) and {name: after[name] for name in before} == before


def test_a_spoilt_file_of_the_store_is_written_anew(tmp_path: Path) -> None:
    run(tmp_path, rows_of(400))
    stored = tmp_path / "store" / read_json(tmp_path / "splits.json")["train"]["file"]
    stored.chmod(0o644)
    stored.write_bytes(b"spoilt")
    splits = run(tmp_path, rows_of(400))
    assert len(splits["train"]) == read_json(tmp_path / "splits.json")["train"]["rows"]
    assert hashlib.sha256(stored.read_bytes()).hexdigest()[:32] == stored.stem


def test_touching_or_replacing_a_public_file_leaves_the_store_alone(tmp_path: Path) -> None:
    stored, other, public = tmp_path / "stored", tmp_path / "other", tmp_path / "deep" / "public"
    for path, content in ((stored, b"new"), (other, b"old")):
        path.write_bytes(content)
        path.chmod(0o444)
        os.utime(path, (1, 1))
    public.parent.mkdir()
    public.hardlink_to(other)
    publish(stored, public)
    assert public.read_bytes() == b"new" and other.read_bytes() == b"old"  # not written through the link
    os.utime(public)  # the engine does this to every output
    assert stored.stat().st_mtime == 1
    public.write_bytes(b"a person's edit")
    publish(stored, public)
    assert public.read_bytes() == stored.read_bytes() == b"new"


def test_without_test_share_the_file_is_empty(tmp_path: Path) -> None:
    splits = run(tmp_path, rows_of(200), {"train": 0.8, "val": 0.2, "test": 0.0, "seed": 42})
    assert splits["test"] == [] and (tmp_path / "out" / "test.jsonl").read_bytes() == b""
    assert len(splits["train"]) + len(splits["val"]) == 200


@pytest.mark.parametrize("name", ["train", "val"])
def test_an_empty_train_or_val_stops_and_leaves_nothing(name: str, tmp_path: Path) -> None:
    split = Split.model_validate(EVEN)
    rows = [row for row in rows_of(400) if split_of(bucket_of(row["group"]), split) != name]
    with pytest.raises(UserError, match=f"no row for {name}") as caught:
        run(tmp_path, rows)
    assert caught.value.where == f"split.{name}"
    assert list((tmp_path / "store").iterdir()) == []
