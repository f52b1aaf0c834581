"""Shards as jobs: which there are, and that a run with them and one without end in the same bytes."""

import json
import shutil
from collections import Counter
from pathlib import Path

import pytest
import running
from running import Place

CONFIG = """\
recipe: custom
model: {base: "file://../base"}
sources:
  talks: {use: sft, adapter: prompt_completion, from: "file://../raw/*.jsonl", license: mit}
  held: {use: evaluation, adapter: prompt_completion, from: "file://../held.jsonl", license: mit}
clean: {min_chars: 1, min_tokens: 1}
align: {method: none}
execution: {threads: 1}
"""
SHARDS = {"shards": {"talks": 3, "held": 2}}
DONE = "results/data/card.json"


@pytest.fixture
def place(tmp_path: Path) -> Place:
    """A place with a source in three files of lines, some of them bad, and one of evaluation."""
    made = running.build(tmp_path / "place", CONFIG, num_poems=200)
    running.tokenizer_of_characters(made.folder / "base")
    poems = json.loads((made.folder / "raw" / "poems.json").read_text(encoding="utf-8"))
    (made.folder / "raw" / "poems.json").unlink()
    lines = [
        json.dumps(dict(zip(("prompt", "completion"), poem["paragraphs"], strict=True)), ensure_ascii=False)
        for poem in poems
    ]
    lines[50:50] = ["{oops", "[]", lines[7], ""]
    for name, start, end in (("a", 0, 30), ("b", 30, 350), ("c", 350, None)):
        (made.folder / "raw" / f"{name}.jsonl").write_text("\n".join([*lines[start:end], ""]), encoding="utf-8")
    (made.folder / "held.jsonl").write_text("\n".join(lines[10:20]), encoding="utf-8")
    return made


def test_each_costly_step_is_a_job_a_shard(place: Place) -> None:
    (place.work / "results/models/base").mkdir(parents=True)
    run = place.make("--dry-run", DONE, stubs=True, execution=SHARDS)
    planned = Counter(run.rules)
    shards = {"standardize_shard": 5, "measure_shard": 5, "count_shard": 5, "compare_shard": 3, "sketch_shard": 3}
    together = {"standardize": 2, "measure_rows": 2, "count_tokens": 2, "find_contamination": 1, "sketch_rows": 1}
    expected = shards | together | {"divide_source": 2, "clean_rows": 2, "link_rows": 1}
    assert {name: planned[name] for name in expected} == expected
    (line,) = [line for line in run.output.splitlines() if line.startswith("measure_shard talks")]
    assert line.split() == ["measure_shard", "talks", "3", "not", "made", "yet", "?"]
    drawn = place.make("--rulegraph", "mermaid-js", DONE, stubs=True, execution=SHARDS).output
    assert "standardize_shard" in drawn and "-->" in drawn


@pytest.mark.full
def test_a_run_in_shards_ends_in_the_bytes_of_one_without(place: Place, tmp_path: Path) -> None:
    other = place.copy(tmp_path / "other")
    alone = place.make(DONE, stubs=True)
    assert not any("shard" in rule for rule in alone.rules)
    whole = place.contents()
    assert place.make(DONE, stubs=True, execution=SHARDS).rules == []

    other.make(DONE, stubs=True, cores=2, execution=SHARDS)
    found = other.contents()
    assert len([path for path in found if "/shards/" in path]) == 2 + 3 * 7 + 2 * 5
    assert {path: found[path] for path in found if "/shards/" not in path} == whole
    assert other.make(DONE, stubs=True, execution=SHARDS).rules == []
    assert other.make(DONE, stubs=True).rules == []

    # What was made in shards is put back for a run without.
    shutil.rmtree(other.work / "results" / "data")
    run = other.make(DONE, stubs=True)
    assert run.output.count("restored, it was made from the same before") >= 12
    assert other.contents() == whole

    # An edited file runs its chain in both, to the same end.
    for each in (place, other):
        file = each.folder / "raw" / "b.jsonl"
        file.write_text(file.read_text(encoding="utf-8").replace("，", "、", 3), encoding="utf-8")
    place.make(DONE, stubs=True)
    other.make(DONE, stubs=True, cores=2, execution=SHARDS)
    assert {path: text for path, text in other.contents().items() if "/shards/" not in path} == place.contents()
    assert place.contents() != whole
