"""Real runs of the workflow on raw data in an object store: what is fetched, and what runs after a change there."""

import json
from pathlib import Path

import pytest
import running
import tiny
from running import Place, Run
from store import CLOSED, OPEN, READER, Store

pytestmark = pytest.mark.full
ROWS = "results/data/standard/dialogues.jsonl"
CONFIG = """\
recipe: custom
model: {base: "s3://open-bucket/tiny/*", license: mit}
sources:
  dialogues:
    use: sft
    adapter: alpaca
    from: s3://open-bucket/对话/*.jsonl
    license: mit
align: {method: none}
"""
# Two sources with raw data of their own, for the table of what runs again; stand-ins do what needs torch.
WHOLE = (
    """\
recipe: custom
model: {base: "file://../base"}
"""
    + running.SOURCES.format(folder="..").replace("file://../raw/poems.json", "s3://open-bucket/poems/sft.json", 1)
    + """\
clean: {min_chars: 1, min_tokens: 1}
split: {train: 0.6, val: 0.2, test: 0.2}
eval: {tasks: [poem_continuation]}
execution: {threads: 1}
"""
)


def row(number: int) -> bytes:
    return (json.dumps({"instruction": f"问{number}", "output": f"答{number}"}, ensure_ascii=False) + "\n").encode()


def answers(place: Place) -> list[str]:
    return [json.loads(line)["messages"][-1]["content"] for line in place.read(ROWS).splitlines()]


def make(place: Place, store: Store, *targets: str, **more: str) -> Run:
    return place.make(*targets, variables=store.variables(READER, **more))


@pytest.fixture(scope="module")
def place(store: Store, tmp_path_factory: pytest.TempPathFactory) -> Place:
    """A place that has fetched two objects."""
    for number, name in ((1, "a"), (2, "b")):
        store.put(f"对话/{name}.jsonl", row(number))
    store.put("对话/notes.txt", b"no rows")
    folder = tiny.build(tmp_path_factory.mktemp("base") / "tiny")
    for path in folder.iterdir():
        store.put(f"tiny/{path.name}", path.read_bytes())
    made = running.build(tmp_path_factory.mktemp("from_store") / "place", CONFIG, num_poems=1)
    assert make(made, store, ROWS).rules == ["acquire_objects", "standardize"]
    return made


def test_rows_come_from_the_store(place: Place, store: Store) -> None:
    assert answers(place) == ["答1", "答2"]
    (path,) = (place.repository / "data_cache").glob("*/receipt.json")
    receipt = json.loads(path.read_text(encoding="utf-8"))
    assert receipt["uri"] == f"s3://{OPEN}/对话/*.jsonl"
    assert [entry["path"] for entry in receipt["files"]] == ["a.jsonl", "b.jsonl"]
    copies = [path for path in (place.work / ".snakemake" / "storage").rglob("*") if path.is_file()]
    assert copies == []  # the cache has them
    written = [path for path in place.folder.rglob("*") if path.is_file() and path.name not in ("s3_client.py",)]
    assert [path for path in written if READER[1].encode() in path.read_bytes()] == []


def test_what_changes_there_is_fetched_and_nothing_else(place: Place, store: Store, tmp_path: Path) -> None:
    place = place.copy(tmp_path / "place")
    store.put("对话/b.jsonl", row(2))  # the same bytes at another time
    assert make(place, store, ROWS).rules == []

    store.put("对话/b.jsonl", row(3))
    planned = make(place, store, "--dry-run", ROWS)
    assert planned.rules == ["acquire_objects", "standardize"]
    assert "their bytes etags:" in planned.output
    assert answers(place) == ["答1", "答2"]
    # Another folder shares the cache and notices, too, though it never fetched.
    elsewhere = ["--directory", str(tmp_path / "elsewhere"), ROWS]
    assert make(place, store, *elsewhere).rules == ["acquire_objects", "standardize"]
    assert make(place, store, ROWS).rules == ["standardize"]
    assert answers(place) == ["答1", "答3"]
    store.put("对话/b.jsonl", row(2))
    assert make(place, store, ROWS).rules == ["acquire_objects", "standardize"]
    assert make(place, store, *elsewhere).rules == ["standardize"]

    store.put("对话/c.jsonl", row(4))
    store.remove("对话/a.jsonl")
    assert make(place, store, ROWS).rules == ["acquire_objects", "standardize"]
    assert answers(place) == ["答2", "答4"]
    assert make(place, store, ROWS).rules == []
    for name in "abc":
        store.remove(f"对话/{name}.jsonl")
    for number, name in ((1, "a"), (2, "b")):
        store.put(f"对话/{name}.jsonl", row(number))


@pytest.mark.parametrize(
    ("variables", "why"),
    [
        ({"AWS_ENDPOINT_URL": "http://127.0.0.1:9"}, "cannot be reached (Could not connect"),
        ({"AWS_SECRET_ACCESS_KEY": "another"}, "the store refuses s3://open-bucket/对话/*.jsonl (SignatureDoesNot"),
    ],
    ids=["no network", "wrong credentials"],
)
def test_what_was_fetched_is_of_use_without_the_store(
    place: Place, store: Store, tmp_path: Path, variables: dict[str, str], why: str
) -> None:
    place = place.copy(tmp_path / "place")
    config = {"variables": store.variables(READER, **variables), "model": {"base": "file://Snakefile"}}
    run = place.make(ROWS, **config)
    assert run.rules == []
    assert why in run.output and "; going on with what was fetched before\n" in run.output
    (place.work / ROWS).unlink()
    assert place.make(ROWS, **config).rules == ["standardize"]


def test_own_files_win_and_the_store_is_not_asked(place: Place, tmp_path: Path) -> None:
    place = place.copy(tmp_path / "place")
    own = place.repository / "data_raw" / "dialogues" / "mine.jsonl"
    own.parent.mkdir(parents=True)
    own.write_bytes(row(9))
    run = place.make(ROWS, model={"base": "file://Snakefile"})
    assert run.rules == ["standardize"]
    assert answers(place) == ["答9"]


def test_a_refusal_ends_the_run_before_it_begins(place: Place, store: Store, tmp_path: Path) -> None:
    source = {"use": "sft", "adapter": "alpaca", "from": f"s3://{CLOSED}/rows.jsonl", "license": "mit"}
    run = place.snakemake(ROWS, variables=store.variables(READER), sources={"dialogues": source})
    assert run.status == 1
    assert f"config: the store refuses s3://{CLOSED}/rows.jsonl (AccessDenied, 403)" in run.output
    assert f"  where:  s3://{CLOSED}/rows.jsonl\n  change: check AWS_ACCESS_KEY_ID" in run.output
    assert "Traceback" not in run.output and run.rules == []


def test_a_base_model_comes_from_the_store(place: Place, store: Store, tmp_path: Path) -> None:
    place = place.copy(tmp_path / "place")
    assert make(place, store, "results/models/base/manifest.json").rules == ["acquire_objects", "prepare_base"]
    prepared = place.work / "results" / "models" / "base" / "model.safetensors"
    assert prepared.read_bytes() == store.contents("tiny/model.safetensors")["tiny/model.safetensors"]


def test_one_changed_object_runs_its_chain_and_no_training_where_the_rows_are_the_same(
    store: Store, tmp_path: Path
) -> None:
    place = running.build(tmp_path / "place", WHOLE, num_poems=300)
    running.tokenizer_of_characters(place.folder / "base")
    raw = place.folder / "raw" / "poems.json"
    store.put("poems/sft.json", raw.read_bytes())
    everything = place.make(stubs=True, cores=2, variables=store.variables(READER))
    assert {"acquire_objects", "train_sft", "train_align", "write_report"} <= set(everything.rules)
    assert place.make(stubs=True, variables=store.variables(READER)).rules == []

    store.put("poems/sft.json", raw.read_bytes() + b"\n")  # other bytes, the same poems
    spared = place.make(stubs=True, cores=2, variables=store.variables(READER))
    assert {"acquire_objects", "standardize", "split_groups"} <= set(spared.rules)
    assert spared.rules.count("standardize") == 1
    assert not {"train_sft", "train_align"} & set(spared.rules)

    running.write_poems(place.folder, 320)
    store.put("poems/sft.json", raw.read_bytes())
    planned = place.make("--dry-run", "results/data/clean/poems.jsonl", variables=store.variables(READER))
    assert planned.rules[0] == "acquire_objects" and "clean_rows" in planned.rules
