"""Shards: whatever a source's files are and in how many parts they are read, the bytes are those of the whole."""

import itertools
import json
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.data.hostile import files as hostile_files
from tests.data.packing import zipped
from tests.data.true_rows import OPTIONS, ROWS
from workflow_scripts import (
    count_tokens,
    divide_source,
    find_contamination,
    measure_rows,
    sketch_rows,
    standardize,
    standardize_shard,
)
from workflow_scripts.lib.adapters import registry
from workflow_scripts.lib.adapters.base import Context
from workflow_scripts.lib.cleaning import token_counts
from workflow_scripts.lib.errors import UserError
from workflow_scripts.lib.jsonl import read_json, read_rows
from workflow_scripts.lib.readers.pieces import divided
from workflow_scripts.lib.records import RawRow
from workflow_scripts.lib.tables import atomic_parquet

EDITS = {"mask_personal_data": True, "strip_reasoning": False}
LIMITS = {"min_tokens": None, "max_tokens": None}  # only what is sampled is counted
SUFFIXES = ("jsonl", "drops.jsonl", "json", "measures", "tokens", "sketches", "overlaps")


def talk(number: int, reply: str = "答") -> dict[str, str]:
    return {"prompt": f"第{number}问？", "completion": f"{reply}{number}。" * (number % 9)}


def lines(rows: list[Any]) -> str:
    return "".join(f"{row if isinstance(row, str) else json.dumps(row, ensure_ascii=False)}\n" for row in rows)


def flags(**named: Any) -> list[str]:
    found = []
    for name, value in named.items():
        found += [f"--{name.replace('_', '-')}", *map(str, value if isinstance(value, list) else [value])]
    return found


class Source:
    """A source whose steps are run in a folder, whole or in shards; without a tokenizer it is only standardized."""

    def __init__(
        self, raw: list[Path], tokenizer: Path | None = None, adapter: str = "prompt_completion", **options: Any
    ) -> None:
        self.raw, self.tokenizer = raw, tokenizer
        self.suffixes = SUFFIXES if tokenizer else SUFFIXES[:3]
        use = registry.load(adapter, "s").USES[0]
        self.selection = {"use": use, "adapter": adapter, "options": options}

    def whole(self, folder: Path) -> dict[str, bytes]:
        files = self._standardize(folder / "s", standardize, raw=self.raw, part_rows=[], part_drops=[], part_sums=[])
        self._finish(folder / "s")
        return {suffix: files[suffix].read_bytes() for suffix in self.suffixes}

    def in_shards(self, folder: Path, count: int) -> dict[str, bytes]:
        config = json.dumps({"adapter": self.selection["adapter"], "encoding": None})
        plan = folder / "plan.json"
        divide_source.main(["--config", config, *flags(source="s", raw=self.raw, count=count, plan=plan)])
        shards = [folder / f"shard{number}" for number in range(1, count + 1)]
        found = []
        for number, shard in enumerate(shards, 1):
            found.append(self._standardize(shard, standardize_shard, plan=plan, number=number))
            self._finish(shard)
        parts = {suffix: [files[suffix] for files in found] for suffix in self.suffixes}
        own = dict(zip(("part_rows", "part_drops", "part_sums"), list(parts.values())[:3], strict=True))
        files = self._standardize(folder / "s", standardize, raw=self.raw, **own)
        self._finish(folder / "s", parts)
        return {suffix: files[suffix].read_bytes() for suffix in self.suffixes}

    def _standardize(self, stem: Path, script: Any, **inputs: Any) -> dict[str, Path]:
        files = {suffix: stem.with_name(f"{stem.name}.{suffix}") for suffix in SUFFIXES}
        config = json.dumps({"seed": 1, "source": self.selection, "edits": EDITS})
        outputs = {"rows": files["jsonl"], "drops": files["drops.jsonl"], "sums": files["json"]}
        script.main(["--config", config, *flags(source="s", **inputs, **outputs)])
        return files

    def _finish(self, stem: Path, parts: dict[str, list[Path]] | None = None) -> None:
        """Run the other steps on the standard rows, or put together what they made of the parts."""
        if self.tokenizer is None:
            return
        parts = parts or {}
        rows, measures, tokens, sketches, overlaps = (
            stem.with_name(f"{stem.name}.{suffix}") for suffix in ("jsonl", *SUFFIXES[3:])
        )
        near = json.dumps({"enabled": True, "ngram": 2, "num_perm": 128})
        own = flags(rows=rows, blocklists=[], parts=parts.get("measures", []), measures=measures)
        measure_rows.main(["--config", '{"repetition_ngram": 4, "blocklists": []}', *own])
        own = flags(rows=rows, measures=measures, tokenizer=self.tokenizer, parts=parts.get("tokens", []))
        count_tokens.main(["--config", json.dumps(LIMITS), *own, *flags(tokens=tokens)])
        own = flags(rows=rows, parts=parts.get("sketches", []), sketches=sketches)
        sketch_rows.main(["--config", near, *own])
        known = flags(evaluation_rows=[], evaluation_files=[self.tokenizer.with_name("known.jsonl")])
        own = flags(rows=rows, parts=parts.get("overlaps", []), overlaps=overlaps)
        find_contamination.main(["--config", '{"ngram": 3}', *own, *known])


@pytest.fixture
def known(tokenizer: Path) -> Path:
    """A tokenizer with evaluation texts beside it."""
    tokenizer.with_name("known.jsonl").write_text(lines([talk(7), talk(33)]), encoding="utf-8")
    return tokenizer


_BAD = [*("{oops", "[1]", "", "  ", '{"prompt": "只有问"}', '{"prompt": "双", "prompt": "键", "completion": "x"}')]
_MANY = [talk(number) for number in range(60)]
# Files by name.
SHAPES: dict[str, dict[str, str | bytes]] = {
    "lines": {"a.jsonl": lines(_MANY)},
    "bad and blank lines": {"a.jsonl": lines([row for pair in zip(_MANY[:24], _BAD * 4, strict=True) for row in pair])},
    "lines of which each is bad": {"a.jsonl": lines([*_MANY[:3], *_BAD * 9])},
    "a long line": {"a.jsonl": lines([*_MANY[:5], talk(8, "长" * 3000), *_MANY[5:30]])},
    "an over-long text": {"a.jsonl": lines([*_MANY[:5], {"prompt": "问", "completion": "长" * 1_000_001}, *_MANY[:9]])},
    "no end of line": {"a.jsonl": lines(_MANY[:20]).rstrip("\n")},
    "ends of Windows": {"a.jsonl": lines(_MANY[:20]).replace("\n", "\r\n")},
    "a mark": {"a.jsonl": b"\xef\xbb\xbf" + lines(_MANY[:20]).encode()},
    "GB18030": {"a.jsonl": lines(_MANY).encode("gb18030")},
    "broken bytes": {"a.jsonl": lines(_MANY[:40]).encode().replace("问".encode(), b"\xe9\x97", 3)},
    "fewer rows than shards": {"a.jsonl": lines(_MANY[4:6])},
    "several files": {
        **{f"{number}/part.jsonl": lines(_MANY[number * 9 :][:9]) for number in range(5)},
        "empty.jsonl": "",
        "y.json": json.dumps(_MANY[50:]),
        "z.csv": 'prompt,completion\n一,"二\n三"\n四,五\n',
    },
    "an archive": {"a.zip": zipped({"one.jsonl": lines(_MANY[:9]).encode(), "two.jsonl": lines(_BAD).encode()})},
}


@pytest.mark.parametrize("shape", SHAPES)
def test_the_bytes_are_those_of_the_whole(
    shape: str, write: Callable[..., Path], known: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(token_counts, "SAMPLE", 7)
    monkeypatch.setattr("workflow_scripts.lib.cleaning.token_parts.SAMPLE", 7)
    source = Source([write(f"raw/{name}", content) for name, content in SHAPES[shape].items()], known)
    whole = source.whole(tmp_path / "whole")
    assert whole["jsonl"]
    for count in (2, 5):
        assert source.in_shards(tmp_path / str(count), count) == whole


def test_lines_are_spread_and_nothing_else_is_cut(write: Callable[..., Path]) -> None:
    raw = [write("a.json", json.dumps(_MANY)), write("b.jsonl", lines(_MANY)), write("c.jsonl", lines(_MANY))]
    shards = divided(raw, 4, None)
    assert [[(piece.name, piece.start > 0) for piece in shard] for shard in shards] == [
        [("a.json", False)],
        [("b.jsonl", False)],
        [("b.jsonl", True), ("c.jsonl", False)],
        [("c.jsonl", True)],
    ]
    rows = [[record.value for piece in shard for record in piece.records(None)] for shard in shards]
    assert list(itertools.chain(*rows)) == _MANY * 3
    assert all(12 < len(part) <= 60 for part in rows)
    numbers = [record.row for piece in shards[2] for record in piece.records(None)]
    assert numbers == [*range(numbers[0], 60), *range(numbers[-1] + 1)]


@pytest.mark.parametrize("adapter", ["messages", "oasst1", "poem_tasks", "prompt_completion"])
def test_hostile_files_lose_nothing_in_shards(adapter: str, write: Callable[..., Path], tmp_path: Path) -> None:
    made = {name: content for name, (content, count) in hostile_files(adapter, 60).items() if count}
    true = "".join(json.dumps(row) + "\n" for row in ROWS[adapter] * 9)
    raw = [write(f"raw/{name}", content) for name, content in made.items()] + [write("raw/z.jsonl", true)]
    source = Source(raw, None, adapter, **OPTIONS.get(adapter, [{}])[0])
    assert source.whole(tmp_path / "whole") == source.in_shards(tmp_path / "shards", 5)


@pytest.mark.parametrize("adapter", sorted(registry.MODULES))
def test_who_reads_row_by_row_hangs_on_no_other_row(adapter: str) -> None:
    module = registry.load(adapter, "s")
    context = Context("s", module.USES[0], 1)
    options = module.Options.model_validate(OPTIONS.get(adapter, [{}])[0])
    rows = [RawRow(f"s/f#{number}", row, "folder") for number, row in enumerate(ROWS[adapter] * 2)]
    together = list(module.convert(iter(rows), options, context))
    alone = [result for row in rows for result in module.convert(iter([row]), options, context)]
    assert together == alone or not registry.is_row_by_row(adapter, "s")


def test_a_file_that_changed_after_it_was_divided_is_refused(
    write: Callable[..., Path],
) -> None:
    raw = write("raw/a.jsonl", lines(_MANY))
    (shard, _) = divided([raw], 2, None)
    raw.write_text(lines(_MANY[::-1]), encoding="utf-8")
    with pytest.raises(UserError, match="has changed, or gone, since the files were divided"):
        shard[0].check()


def test_shards_without_a_row_stop_as_the_whole_does(write: Callable[..., Path], tmp_path: Path) -> None:
    source = Source([write("raw/a.jsonl", lines([{"prompt": None, "completion": "x"}] * 4))])
    with pytest.raises(UserError, match=r"none of the 4 records became a row: 4 missing_field \(s/a.jsonl#0: "):
        source.in_shards(tmp_path, 3)
    assert len(list(read_rows(tmp_path / "shard1.drops.jsonl"))) == 2
    assert not (tmp_path / "s.drops.jsonl").exists()


def test_a_file_of_another_shape_stops_its_first_shard(write: Callable[..., Path], tmp_path: Path) -> None:
    source = Source([write("raw/a.jsonl", lines([{"text": "x"}] * 200))])
    with pytest.raises(UserError, match="expects the columns"):
        source.in_shards(tmp_path, 3)


def test_sums_are_added(write: Callable[..., Path], tmp_path: Path) -> None:
    source = Source([write("raw/a.jsonl", lines([*_MANY[:9], "{oops", {"prompt": "问"}, {"prompt": "问"}]))])
    source.in_shards(tmp_path, 2)
    assert read_json(tmp_path / "s.json") == {
        "step": "standardize",
        "unit": "records",
        "in": 12,
        "out": 9,
        "dropped": {"missing_field": 2, "unreadable": 1},
    }


@pytest.mark.parametrize("cuts", [[65_535, 65_537], [70_000, 70_001, 140_000]])
def test_the_bytes_of_a_table_hang_on_no_division(cuts: list[int], tmp_path: Path) -> None:
    draws = random.Random(1)
    texts = [f"{number}天地玄黄"[-draws.randrange(12) :] * 9 for number in range(150_000)]
    table = pa.table(
        {"id": texts, "number": [len(text) if len(text) % 3 else None for text in texts], "list": [[t] for t in texts]}
    )
    files = {"whole": [table], "parts": []}
    for start, end in zip([0, *cuts], [*cuts, len(table)], strict=True):
        files["parts"].append(table.slice(start, end - start))
    for name, parts in files.items():
        with atomic_parquet(tmp_path / name, table.schema) as writer:
            for part in parts:
                writer.write(part)
    assert (tmp_path / "whole").read_bytes() == (tmp_path / "parts").read_bytes()
    groups = pq.read_metadata(tmp_path / "parts")
    assert [groups.row_group(number).num_rows for number in range(3)] == [65_536, 65_536, 18_928]
