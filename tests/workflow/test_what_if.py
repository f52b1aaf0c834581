"""`make what-if` on finished data: what it says, and that it says what a run then does."""

import json
import shutil
import subprocess
from pathlib import Path

import pytest
import running
from running import Place

from workflow_scripts.lib.config import what_if_settings
from workflow_scripts.lib.config.data import Source
from workflow_scripts.lib.errors import UserError
from workflow_scripts.lib.provenance.records import Record
from workflow_scripts.lib.provenance.replay import arguments_of, left_out

CONFIG = (
    """\
recipe: custom
model: {{base: "file://{folder}/base"}}
"""
    + running.SOURCES
    + """\
clean: {{min_chars: 1, min_tokens: 1}}
split: {{train: 0.6, val: 0.2, test: 0.2}}
execution: {{threads: 1}}
"""
)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Place:
    """A place where the data have been made."""
    made = running.build(tmp_path_factory.mktemp("what_if") / "place", CONFIG.format(folder=".."), num_poems=300)
    running.tokenizer_of_characters(made.folder / "base")
    raw = made.folder / "raw" / "poems.json"
    poems = json.loads(raw.read_text(encoding="utf-8"))
    alike = [
        {**poem, "id": f"{poem['id']}'", "paragraphs": [poem["paragraphs"][0], f"山{poem['paragraphs'][1][1:]}"]}
        for poem in poems[:60]
    ]
    raw.write_text(json.dumps([*poems, *alike], ensure_ascii=False), encoding="utf-8")
    shutil.copy(running.REPOSITORY / "Makefile", made.repository)
    made.make("results/data/card.json", "results/config.yaml", stubs=True, cores=2)
    return made


def ask(place: Place, *settings: str, folder: Path | None = None) -> subprocess.CompletedProcess:
    _, environment = place.command()
    command = ["make", "--silent", "-f", str(place.repository / "Makefile"), "what-if", *settings]
    environment["PYTHONPATH"] = str(place.repository)
    return subprocess.run(command, cwd=folder or place.work, env=environment, capture_output=True, text=True)


def test_it_tells_what_a_run_then_does_and_touches_nothing(place: Place, tmp_path: Path) -> None:
    before = {path: path.stat().st_mtime_ns for path in (place.work / "results").rglob("*")}
    asked = ask(place, "clean.max_chars=30")
    assert asked.returncode == 0, asked.stderr
    assert {path: path.stat().st_mtime_ns for path in (place.work / "results").rglob("*")} == before
    pairs, poems, verdicts = asked.stdout.split("\n\n")
    num_rows = sum(1 for _ in (place.work / "results/data/standard/poems.jsonl").open())
    copy = place.copy(tmp_path / "copy")
    copy.make("results/data/card.json", stubs=True, clean={"max_chars": 30})
    num_kept = copy.read("results/data/clean/poems.jsonl").count("\n")
    assert 0 < num_kept < num_rows
    assert f"poems: {num_rows} rows, {num_rows} -> {num_kept} kept" in poems
    dropped = num_rows - num_kept
    assert ["too_long_chars", "0", str(dropped), f"+{dropped}"] in [line.split() for line in poems.splitlines()]
    assert f"{dropped} would go" in poems and "too_long_chars: chars 35 > 30" in poems and "user: 续写：" in poems
    assert "pairs: " in pairs
    splits = [place.read_json("results/data/sft/split.json"), copy.read_json("results/data/sft/split.json")]
    now, then = (split["train"]["rows"] for split in splits)
    assert f"sft: train {now} -> {then} rows, " in verdicts and "training would run again" in verdicts


def test_rows_that_come_back_are_those_that_were_dropped(place: Place, tmp_path: Path) -> None:
    copy = place.copy(tmp_path / "copy")
    copy.make("results/data/card.json", "results/config.yaml", stubs=True, clean={"max_tokens": 30})
    asked = ask(copy, "clean.max_tokens=2048")
    assert asked.returncode == 0, asked.stderr
    kept = [int(line.split(" -> ")[0].split()[-1]) for line in asked.stdout.splitlines() if line.endswith(" kept")]
    assert kept == [copy.read(f"results/data/clean/{name}.jsonl").count("\n") for name in ("pairs", "poems")]
    assert "would come" in asked.stdout and "too_long_tokens: tokens 3" in asked.stdout
    was = {name: split["rows"] for name, split in place.read_json("results/data/sft/split.json").items()}
    assert f" -> {was['train']} rows" in asked.stdout


def test_near_duplicates_by_another_threshold_are_those_of_a_run(place: Place, tmp_path: Path) -> None:
    asked = ask(place, "clean.near_duplicates.threshold=0.4")
    assert asked.returncode == 0, asked.stderr
    copy = place.copy(tmp_path / "copy")
    copy.make("results/data/card.json", stubs=True, clean={"near_duplicates": {"threshold": 0.4}})
    dropped = copy.read_json("results/data/sft/mixed.json")["sources"]["poems"]["dropped"]["near_duplicate"]
    assert dropped > 0 and f"sft: poems near_duplicate 0 -> {dropped}\n" in asked.stdout
    first = copy.read("results/data/sft/drops.jsonl").splitlines()[0]
    assert f"sft:   {json.loads(first)['id']}  near_duplicate: " in asked.stdout
    now, then = (where.read_json("results/data/sft/split.json")["train"]["rows"] for where in (place, copy))
    assert f"sft: train {now} -> {then} rows, " in asked.stdout


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        (["clean.near_duplicates.action=group", "clean.decontaminate.max_overlap=0.9"], "sft: the same bytes"),
        (["clean.max_chars=4000"], "sft: no change; nothing would be trained or evaluated again"),
        (["mix.sft.max_samples=100000"], "sft: the same bytes; nothing would be trained or evaluated again"),
        (["sources.pairs.clean.max_chars=1"], "preference: a run would stop: no row is left after mixing"),
        (["clean.blocklists=[terror, explicit]", "clean.pii=drop"], "sft: no change"),
        (["clean.repetition_ngram=1", "clean.max_repetition=0.01"], "too_repetitive"),
        (["split.seed=7"], "training would run again"),
    ],
)
def test_it_says_what_would_be_trained_again(place: Place, settings: list[str], said: str) -> None:
    asked = ask(place, *settings)
    assert asked.returncode == 0, asked.stderr
    assert said in asked.stdout


@pytest.mark.parametrize(
    ("setting", "said"),
    [
        ("sft.learning_rate=1e-3", "sft.learning_rate is not decided from measured rows"),
        ("clean.near_duplicates.ngram=3", "clean.near_duplicates.ngram is not decided from measured rows"),
        ("clean.max_charz=3", "clean.max_charz is not decided from measured rows"),
        ("clean.max_repetition=2", "clean.max_repetition is 2"),
        ("sources.poem.clean.max_chars=3", "sources.poem"),
    ],
)
def test_what_it_cannot_tell_is_refused(place: Place, setting: str, said: str) -> None:
    asked = ask(place, setting)
    assert asked.returncode != 0 and said in asked.stderr and "Traceback" not in asked.stderr


def test_a_step_replayed_without_a_source_names_none_of_its_files() -> None:
    command = "python -m workflow_scripts.mix_sources --config {} --kept clean/a.jsonl clean/b.jsonl --links a.parquet"
    inputs = dict.fromkeys(("clean/a.jsonl", "clean/b.jsonl", "a.parquet"), "")
    record = Record("mix_sources use=sft", "", command.split(), "", {}, {}, inputs, {"mixed.jsonl": ""}, 0.0)
    words = arguments_of(record, "{1}", {"clean/b.jsonl": Path("x/b.jsonl")} | left_out(record, {"a"}))
    assert words == ["--config", "{1}", "--kept", "x/b.jsonl", "--links"]


@pytest.mark.parametrize(
    ("now", "then", "said"),
    [
        ({"a": "sft"}, {"a": "sft", "b": "sft"}, "the rows of b are not measured yet"),
        ({"a": "sft", "b": "evaluation"}, {"a": "sft"}, "which rows are held against b is not decided from measured"),
    ],
)
def test_sources_that_come_and_evaluation_that_goes_are_refused(now: dict, then: dict, said: str) -> None:
    sources = [{name: Source.model_construct(use=use) for name, use in each.items()} for each in (now, then)]
    with pytest.raises(UserError, match=said):
        what_if_settings.check_sources(*sources)
    what_if_settings.check_sources({"c": Source.model_construct(use="sft"), **sources[0]}, sources[0])


def test_without_data_it_says_what_to_make_first(place: Place, tmp_path: Path) -> None:
    asked = ask(place, "clean.max_chars=3", folder=tmp_path)
    assert "no config file results/config.yaml" in asked.stderr
