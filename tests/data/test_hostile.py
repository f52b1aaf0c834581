"""Hostile files through the real script: nothing crashes or hangs, and every record is accounted for."""

import gzip
import json
import random
import re
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NoReturn

import pytest

from tests.data.conftest import NO_PARTS, PAIR_OPTIONS
from tests.data.hostile import files, line
from tests.data.packing import PACKINGS, tar, zipped
from tests.data.test_readers import FORMATS
from workflow_scripts import standardize
from workflow_scripts.lib.adapters import registry
from workflow_scripts.lib.errors import UserError
from workflow_scripts.lib.readers.files import read_file

_FURTHER_PART = re.compile(r"#\d+\+\d+$")  # of a record that gives several rows
_SECONDS = 300
_PER_ADAPTER = 10_000 // len(registry.MODULES) + 1
# What adapters cannot do without; the others find nothing here that is theirs.
_POEM_TASKS = {"lines": [4, 8], "script": "keep", "tasks": {"form": {"share": 1.0, "instructions": ["{poem}"]}}}
_OPTIONS = PAIR_OPTIONS | {"a_wins": [1], "b_wins": [0], "prefer": "safer", "score": "overall"} | _POEM_TASKS
EDITS = {"mask_personal_data": True, "strip_reasoning": True}


@pytest.fixture(autouse=True)
def _no_hang() -> Iterator[None]:
    def stop(*_: Any) -> NoReturn:
        raise TimeoutError(f"not over after {_SECONDS} seconds")

    before = signal.signal(signal.SIGALRM, stop)
    signal.alarm(_SECONDS)
    yield
    signal.alarm(0)
    signal.signal(signal.SIGALRM, before)


def flags(adapter: str, raw: list[Path], folder: Path) -> list[str]:
    module = registry.load(adapter, "s")
    options = {name: value for name, value in _OPTIONS.items() if name in module.Options.model_fields}
    config = {"seed": 1, "source": {"use": module.USES[0], "adapter": adapter, "options": options}, "edits": EDITS}
    made = [
        "--config",
        json.dumps(config),
        "--source",
        "s",
        "--raw",
        *map(str, raw),
        *NO_PARTS,
    ]
    return [*made, "--rows", str(folder / "rows"), "--drops", str(folder / "drops"), "--sums", str(folder / "sums")]


def read_strictly(path: Path) -> list[dict]:
    def refuse(word: str) -> NoReturn:
        raise ValueError(f"{word} is no JSON")

    return [json.loads(text, parse_constant=refuse) for text in path.read_text("utf-8").split("\n")[:-1]]


def file_of(record_id: str) -> str:
    return record_id.removeprefix("s/").partition("#")[0].partition("/")[0]


@pytest.mark.parametrize("adapter", sorted(registry.MODULES))
def test_every_hostile_record_ends_in_one_place(adapter: str, write: Callable[..., Path], tmp_path: Path) -> None:
    made = files(adapter, _PER_ADAPTER)
    expected = {name: count for name, (_, count) in made.items() if count}
    assert sum(expected.values()) >= _PER_ADAPTER
    raw = [write(f"raw/{name}", content) for name, (content, _) in made.items()]
    try:
        standardize.main(flags(adapter, raw, tmp_path))
    except UserError as error:  # allowed only if it accounts for all of them
        assert error.what.startswith(f"none of the {sum(expected.values())} records became a row: ")
        return
    rows, drops = read_strictly(tmp_path / "rows"), read_strictly(tmp_path / "drops")
    ids = [row["id"] for row in rows if not _FURTHER_PART.search(row["id"])] + [drop["id"] for drop in drops]
    assert len(ids) == len(set(ids))
    assert Counter(map(file_of, ids)) == expected
    assert all(drop["reason"] and drop["detail"] and drop["step"] == "standardize" for drop in drops)


def test_a_cut_file_gives_each_row_before_the_cut(write: Callable[..., Path], tmp_path: Path) -> None:
    draws = random.Random(1)
    whole = [line({"prompt": str(draws.random()), "completion": str(number)}) for number in range(3000)]
    packed = gzip.compress(b"\n".join(whole))
    standardize.main(flags("prompt_completion", [write("cut.jsonl.gz", packed[: len(packed) // 2])], tmp_path))
    rows, (drop,) = read_strictly(tmp_path / "rows"), read_strictly(tmp_path / "drops")
    assert 1000 < len(rows) < 2000
    assert [row["id"] for row in rows] == [f"s/cut.jsonl.gz#{number}" for number in range(len(rows))]
    assert (drop["id"], drop["reason"]) == (f"s/cut.jsonl.gz#{len(rows)}", "rest_unread")


@pytest.mark.parametrize("name", [*FORMATS, "all.tar", "all.zip"])
@pytest.mark.parametrize("packing", PACKINGS)
def test_no_change_of_bytes_crashes_a_reader(name: str, packing: str, write: Callable[..., Path]) -> None:
    draws = random.Random(name + packing)
    archives = {"all.tar": tar(FORMATS), "all.zip": zipped(FORMATS)}
    whole = PACKINGS[packing]((archives | FORMATS)[name])
    for number in range(40):
        changed = bytearray(whole)
        for _ in range(draws.choice([1, 1, 3, 20])):
            place = draws.randrange(len(changed))
            match draws.randrange(4):
                case 0:
                    changed[place] = draws.randrange(256)
                case 1:
                    del changed[place + 1 : place + draws.randrange(2, 9)]
                case 2:
                    changed[place:place] = draws.choice([b'"', b"\n", b"{", b"]", b"\x00", b"\xff" * 8, b","])
                case 3:
                    del changed[place + 1 :]
        try:
            records = list(read_file(write(f"{number}/{name}{packing}", bytes(changed)), None))
        except UserError as error:
            assert error.where == f"{name}{packing}" or error.where in FORMATS
            continue
        places = [record.place("x") for record in records]
        assert len(places) == len(set(places))
        assert all(record.problem for record in records if record.value is None and record.reason != "unreadable")


_PEAK = """
import re, sys
from pathlib import Path
from workflow_scripts import standardize
standardize.main(sys.argv[1:])
sys.stdout.write(re.search(r"VmHWM:\\s+(\\d+) kB", Path("/proc/self/status").read_text())[1])
"""


def peak(arguments: list[str]) -> int:
    """Return the most memory that the script held, in bytes. Not ru_maxrss: a child inherits its parent's."""
    done = subprocess.run(
        [sys.executable, "-c", _PEAK, *arguments], capture_output=True, text=True, timeout=_SECONDS, check=True
    )
    return int(done.stdout) * 1024


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="the peak of memory is read from /proc")
@pytest.mark.parametrize(
    "kind", ["lines.jsonl", "array.json", "laid_out.json", "lines.jsonl.gz", "rows.csv", "many.jsonl"]
)
def test_a_row_of_50_mb_costs_a_few_times_its_size(kind: str, tmp_path: Path) -> None:
    size = 50_000_000
    path = tmp_path / kind
    small, large = {"prompt": "问", "completion": "答"}, {"prompt": "x" * size, "completion": "答"}
    match kind:
        case "rows.csv":
            path.write_text(f"prompt,completion\n问,答\n{'x' * size},答\n问,答\n", "utf-8")
        case "array.json":
            path.write_text(json.dumps([small, large, small]), "utf-8")
        case "laid_out.json":
            path.write_text(json.dumps([small, large, small], indent=2), "utf-8")
        case "lines.jsonl.gz":
            path.write_bytes(gzip.compress(b"\n".join(map(line, [small, large, small])), 1))
        case "lines.jsonl":
            path.write_bytes(b"\n".join(map(line, [small, large, small])))
        case "many.jsonl":
            path.write_bytes(b"\n".join(map(line, [small, large, large, large, small])))
    arguments = flags("prompt_completion", [path], tmp_path)
    used = peak(arguments)
    nothing = tmp_path / "nothing.jsonl"
    nothing.write_bytes(line(small))
    base = peak(flags("prompt_completion", [nothing], tmp_path / "base"))
    drops = [json.loads(text) for text in (tmp_path / "drops").read_text("utf-8").splitlines()]
    assert [drop["reason"] for drop in drops] in (["oversize"], ["unreadable"], ["oversize"] * 3)
    assert len((tmp_path / "rows").read_text("utf-8").splitlines()) == 2
    assert used - base < 7 * size
