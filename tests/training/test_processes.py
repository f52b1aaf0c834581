"""Two processes (gloo, CPU), with the whole model each (DDP) or a part of it (FSDP2), learn what one process does.

Through the scripts themselves; by SGD, so that weights follow gradients.

Tolerance: float32 sums in another order, 1e-5 of the figures and 1e-6 of weights after six steps.
"""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import tiny
import torch
from accelerate.utils import is_deepspeed_available
from building import dialogue, pair
from launched import SCRIPTS
from safetensors.torch import load_file
from torch.testing import assert_close

from workflow_scripts.lib import jsonl
from workflow_scripts.lib.execution import VARIABLE

FIGURES, WEIGHTS = 1e-5, 1e-6
# 5 rows in batches of 4: the second one has a single row, and one process nothing to do
DIALOGUES = [
    dialogue(str(i), "写" * (i + 1), t, weight=1 + i / 2) for i, t in enumerate(["春", "夏天到了", "秋風", "冬", "山"])
]
PAIRS = [pair(str(i), "写" * (i + 1), a, b) for i, (a, b) in enumerate(["春坏", "夏不", "秋差", "冬错", "山水"])]
STEPS = {"epochs": 3.0, "global_batch_size": 4, "learning_rate": 0.5, "optimizer": "sgd", "evaluations": 3}
STEPS |= {"warmup_ratio": 0.0, "watched_replies": 1}
NOISY = {"neftune_noise_alpha": 5.0, "lora__dropout": 0.1, "packing": True, "sampler__order": "mixed_buckets"}
NOISY |= {"sampler__buckets": 2, "evaluations": 0, "optimizer": "adamw_torch"}


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory, base: Path) -> Path:
    folder = tmp_path_factory.mktemp("processes")
    (folder / "base").symlink_to(base)
    jsonl.write_rows(folder / "sft.jsonl", DIALOGUES)
    jsonl.write_rows(folder / "preference.jsonl", PAIRS)
    for name, rows in (("rows", DIALOGUES), ("pairs", PAIRS)):
        jsonl.write_rows(folder / f"{name}.jsonl", [{**row, "source": "s", "lang": "zh"} for row in rows])
    return folder


def flags(place: Path, name: str, section: str, checkpoints: str | None = None, **changes) -> list:
    """Return one call of a script, which writes to place/<name>."""
    data = place / {"sft": "sft.jsonl", "align": "preference.jsonl"}[section]
    changes = STEPS | changes
    config = {
        "seed": 5,
        "model": tiny.section("model"),
        section: tiny.section(section, **changes),
        "curriculum": "none",
    }
    given = ["--config", json.dumps(config), "--code", "c", "--train", data, "--validation", data]
    given += ["--base", place / "base", "--output", place / name]
    given += ["--checkpoints", place / "checkpoints" / (checkpoints or name)]
    given += ["--tracking", place / "tracking"]
    given += ["--adapter", place / "one" / "sft"] if section == "align" else []
    return [f"train_{section}", [str(flag) for flag in given]]


def evaluation(place: Path, kind: str, name: str) -> list:
    """Return one call of an evaluation: five rows in batches of two, so that one process has two of them."""
    config = {"model": tiny.section("model"), "max_length": 64}
    config["eval"] = {"batch_size": 2, name: {"enabled": True, "max_rows": None}}
    data = {"perplexity": "rows", "preference": "pairs"}[name]
    given = ["--config", json.dumps(config), "--base", place / "base", f"--{data}", place / f"{data}.jsonl"]
    given += ["--adapter", place / "one" / "sft", "--result", place / kind / f"{name}.json"]
    return [f"evaluate_{name}", [str(flag) for flag in given]]


def launch(place: Path, calls: list) -> None:
    """Make these calls by two processes."""
    (place / "calls.json").write_text(json.dumps(calls), encoding="utf-8")
    done = subprocess.run(
        [
            *(sys.executable, "-m", "accelerate.commands.launch", "--main_process_port", "0", "--num_processes", "2"),
            *("--config_file", tiny.REPOSITORY / "config" / "accelerate" / LAUNCHERS["two"]),
            *(tiny.REPOSITORY / "tests" / "training" / "launched.py", place / "calls.json", "2"),
        ],
        env=os.environ | {"PYTHONPATH": str(tiny.REPOSITORY)},
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr[-6000:]


LAUNCHERS = {"two": "multi.yaml", "shared": "fsdp2.yaml"}
if is_deepspeed_available():  # not among the tests' packages; DS_ACCELERATOR=cpu where there is a GPU
    LAUNCHERS["zero"] = "deepspeed.yaml"
EVALUATIONS = ("perplexity", "preference")
METHODS = {"sft": ("sft", {}), "packed": ("sft", {"packing": True})}
METHODS |= {name: ("align", {"method": name}) for name in ("orpo", "dpo")}


@pytest.fixture(scope="module")
def trained(place: Path) -> Iterator[Path]:
    """Train everything by one process, with and without accumulation, and by two."""
    monkeypatch = pytest.MonkeyPatch()
    monkeypatch.setenv(VARIABLE, '{"threads": 1, "logging_steps": 2, "save_steps": 2}')
    for kind, size in (("one", 4), ("accumulated", 1)):
        for name, (section, changes) in METHODS.items():
            script, given = flags(place, f"{kind}/{name}", section, micro_batch_size=size, **changes)
            SCRIPTS[script].main(given)
    for name in EVALUATIONS:
        script, given = evaluation(place, "one", name)
        SCRIPTS[script].main(given)
    calls = [evaluation(place, "two", name) for name in EVALUATIONS]
    for kind, launcher in LAUNCHERS.items():
        calls += [
            ["launcher", str(tiny.REPOSITORY / "config" / "accelerate" / launcher)],
            *(
                flags(place, f"{kind}/{name}", section, micro_batch_size=2, **changes)
                for name, (section, changes) in METHODS.items()
            ),
        ]
        noisy = {"section": "sft", "micro_batch_size": 1, "checkpoints": f"{kind}/again", **NOISY}
        calls += [
            *(flags(place, f"{kind}/noisy", **noisy), ["remove", [str(place / "checkpoints" / kind / "again")]]),
            *(["stop", [1, 2]], flags(place, f"{kind}/stopped", **noisy), flags(place, f"{kind}/resumed", **noisy)),
        ]
    launch(place, calls)
    yield place
    monkeypatch.undo()


@pytest.mark.parametrize("kind", ["accumulated", *LAUNCHERS])
@pytest.mark.parametrize("name", METHODS)
def test_the_cut_of_a_batch_changes_nothing(trained: Path, name: str, kind: str) -> None:
    expected, found = (jsonl.read_json(trained / each / name / "metrics.json") for each in ("one", kind))
    assert found["steps"] == expected["steps"] == 6
    for part in ("loss", "validation"):
        assert len(found[part]) == len(expected[part]) == (4 if part == "loss" else 3)
        for ours, theirs in zip(found[part], expected[part], strict=True):
            figures = [{key: value for key, value in each.items() if "repl" not in key} for each in (ours, theirs)]
            assert figures[0] == pytest.approx(figures[1], rel=FIGURES, abs=FIGURES)
            assert ours.keys() == theirs.keys()
    assert found["tokens_trained"] == expected["tokens_trained"]
    weights, others = (load_file(trained / each / name / "adapter_model.safetensors") for each in (kind, "one"))
    assert_close(weights, others, rtol=WEIGHTS, atol=WEIGHTS)
    assert any(value.abs().max() > 1e-2 for key, value in weights.items() if "lora_B" in key)


def test_packed_learns_what_unpacked_does(trained: Path) -> None:
    packed, rows = (load_file(trained / "one" / name / "adapter_model.safetensors") for name in ("packed", "sft"))
    assert_close(packed, rows, rtol=WEIGHTS, atol=WEIGHTS)


@pytest.mark.parametrize("kind", LAUNCHERS)
def test_a_signal_to_one_process_stops_both_and_the_resumed_run_is_the_same(trained: Path, kind: str) -> None:
    assert not (trained / kind / "stopped").exists()
    resumed, whole = (trained / kind / name for name in ("resumed", "noisy"))
    assert jsonl.read_json(resumed / "timing.json")["resumed_after_step"] == 3
    weights, others = (load_file(folder / "adapter_model.safetensors") for folder in (resumed, whole))
    assert_close(weights, others, rtol=WEIGHTS, atol=WEIGHTS)
    steps, expected = (jsonl.read_json(folder / "metrics.json")["loss"] for folder in (resumed, whole))
    assert [step["loss"] for step in steps] == pytest.approx([step["loss"] for step in expected], rel=FIGURES)
    if kind == "two":  # a layer that is gathered anew for each pass may differ in a last bit
        for name in ("adapter_model.safetensors", "metrics.json"):
            assert (resumed / name).read_bytes() == (whole / name).read_bytes(), name


def test_a_model_in_parts_saves_what_a_whole_one_does(trained: Path) -> None:
    for name in ("sft", "dpo"):
        shared, whole = (trained / kind / name for kind in ("shared", "one"))
        assert sorted(path.name for path in shared.iterdir()) == sorted(path.name for path in whole.iterdir())
        assert (shared / "adapter_config.json").read_bytes() == (whole / "adapter_config.json").read_bytes()
        tensors, others = (load_file(folder / "adapter_model.safetensors") for folder in (shared, whole))
        described = [{key: (tuple(each.shape), each.dtype) for key, each in part.items()} for part in (tensors, others)]
        assert described[0] == described[1]
    parts = list((trained / "checkpoints" / "shared").rglob("pytorch_model_fsdp.bin"))
    assert parts  # accelerate did shard, and did not fall back on whole models
    assert all("lora_" in name for path in parts for name in torch.load(path, weights_only=True))


@pytest.mark.parametrize("name", EVALUATIONS)
def test_an_evaluation_that_is_shared_out_finds_the_same(trained: Path, name: str) -> None:
    one, two = ((trained / kind / f"{name}.json") for kind in ("one", "two"))
    assert one.read_bytes() == two.read_bytes()
    samples = jsonl.read_json(two)["samples"]
    assert [sample["id"] for sample in samples] == [row["id"] for row in DIALOGUES]
