"""Data and a base model from a hub, by real runs of the workflow: what runs, what comes out, what runs again."""

import io
import json
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import polars as pl
import pytest
import running
import tiny
from hub.hub import Hub
from running import Place

CONFIG = """\
recipe: custom
model: {base: "hf://user/tiny", license: mit}
sources:
  dialogues:
    use: sft
    adapter: alpaca
    from: hf://user/dialogues/zh/train
    license: mit
align: {method: none}
"""
CARD = """---
configs:
- config_name: zh
  data_files: [{split: train, path: zh/*.parquet}, {split: test, path: held_out.parquet}]
---
"""
ROWS = "results/data/standard/dialogues.jsonl"


def parquet(number: int) -> bytes:
    stream = io.BytesIO()
    rows = [{"instruction": f"问题{number}{each}", "input": "", "output": f"回答{number}{each}"} for each in "甲乙"]
    pl.DataFrame(rows).write_parquet(stream)
    return stream.getvalue()


def files(*numbers: int) -> dict[str, bytes | str]:
    shards = {f"zh/part-{number}.parquet": parquet(number) for number in numbers}
    return {"README.md": CARD, "held_out.parquet": parquet(9)} | shards


@pytest.fixture(scope="module")
def hub() -> Iterator[Hub]:
    with Hub() as made:
        yield made


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Place:
    return running.build(tmp_path_factory.mktemp("hub") / "place", CONFIG, num_poems=1)


def outputs(place: Place) -> list[str]:
    return [json.loads(line)["messages"][-1]["content"] for line in place.read(ROWS).splitlines()]


def test_rows_come_from_the_hub_and_stay_at_their_commit(hub: Hub, place: Place, tmp_path: Path) -> None:
    hub.add_model("user/tiny", {"config.json": "{}"})
    commit = hub.add_dataset("user/dialogues", files(1, 2))
    variables = hub.environment(tmp_path)
    run = place.make(ROWS, variables=variables)
    assert run.rules == ["acquire", "standardize"]
    assert outputs(place) == ["回答1甲", "回答1乙", "回答2甲", "回答2乙"]
    (receipt,) = (place.repository / "data_cache").glob("*/receipt.json")
    assert json.loads(receipt.read_text(encoding="utf-8"))["commit"] == commit

    later = hub.add_dataset("user/dialogues", files(3))
    assert place.make(ROWS, variables=variables).rules == []
    edited = {
        "dialogues": {"use": "sft", "adapter": "alpaca", "from": "hf://user/dialogues/zh/train", "license": "mit"}
    }
    edited["dialogues"]["revision"] = later
    assert place.make(ROWS, variables=variables, sources=edited).rules == ["acquire", "standardize"]
    assert outputs(place) == ["回答3甲", "回答3乙"]

    own = place.repository / "data_raw" / "dialogues" / "mine.jsonl"
    own.parent.mkdir(parents=True)
    own.write_text('{"instruction": "问", "output": "答"}\n', encoding="utf-8")
    assert place.make(ROWS, variables=variables | {"HF_ENDPOINT": "http://127.0.0.1:9"}).rules == ["standardize"]
    assert outputs(place) == ["答"]


def test_a_failed_fetch_ends_the_run_with_what_to_do(hub: Hub, place: Place, tmp_path: Path) -> None:
    sources = {"gone": {"use": "sft", "adapter": "alpaca", "from": "hf://user/dialogues/fr/train", "license": "mit"}}
    run = place.snakemake("results/data/standard/gone.jsonl", variables=hub.environment(tmp_path), sources=sources)
    assert run.status != 0
    assert "error: user/dialogues has no config 'fr'" in run.output
    assert "change: its configs and splits are: zh/…" in run.output


def test_a_base_model_comes_from_the_hub(hub: Hub, place: Place, tmp_path: Path) -> None:
    folder = tiny.build(tmp_path / "tiny")
    (folder / "manifest.json").unlink()
    hub.add_model("user/tiny", folder)
    run = place.make("results/models/base/manifest.json", variables=hub.environment(tmp_path / "home"))
    assert run.rules == ["acquire", "prepare_base"]
    prepared = place.work / "results" / "models" / "base" / "model.safetensors"
    assert prepared.read_bytes() == (folder / "model.safetensors").read_bytes()


def test_two_runs_in_two_folders_share_the_cache_at_once(hub: Hub, tmp_path: Path) -> None:
    """Each wants the same three sources: one fetches, the other waits, and no receipt is away while one reads it."""
    place = running.build(tmp_path / "place", CONFIG, num_poems=1)
    hub.add_model("user/tiny", {"config.json": "{}"})
    sources = {}
    for name in "abc":
        hub.add_dataset(f"user/{name}", files(1, 2))
        sources[name] = {"use": "sft", "adapter": "alpaca", "from": f"hf://user/{name}/zh/train", "license": "mit"}
    targets = [f"results/data/standard/{name}.jsonl" for name in sources]
    folders = [tmp_path / "one", tmp_path / "two"]
    runs = []
    for folder in folders:
        given = ["--directory", str(folder), *targets]
        command, environment = place.command(*given, variables=hub.environment(tmp_path), sources=sources)
        with (tmp_path / f"{folder.name}.log").open("w") as log:
            streams = {"stdout": log, "stderr": subprocess.STDOUT}
            runs.append(subprocess.Popen(command, cwd=place.repository, env=environment, text=True, **streams))
    cache, seen = place.repository / "data_cache", set()
    while any(run.poll() is None for run in runs):
        there = set(cache.glob("*/receipt.json"))
        assert seen <= there
        seen = there
        time.sleep(0.002)
    assert [run.returncode for run in runs] == [0, 0], (tmp_path / "one.log").read_text()
    assert len(seen) == len(sources)
    assert len({(folder / target).read_bytes() for folder in folders for target in targets}) == 3
    for name in sources:
        assert len([asked for asked in hub.asked(f"user/{name}/.*part-1", "cdn") if asked.method == "GET"]) == 1
