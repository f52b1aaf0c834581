"""Liger's kernels: who cannot have them, and that they compute the same."""

import json
import os
import subprocess
import sys
from importlib import metadata
from pathlib import Path
from typing import Any

import building
import pytest
import tiny
import torch

from workflow_scripts import train_align, train_sft
from workflow_scripts.lib import jsonl
from workflow_scripts.lib.errors import UserError
from workflow_scripts.lib.training import liger

GPU = torch.device("cuda")


@pytest.mark.parametrize("stage", ["sft", "align"])
def test_a_cpu_is_refused_before_the_first_step(base: Path, tmp_path: Path, stage: str) -> None:
    message = [{"role": "user", "content": "写"}]
    reply = [{"role": "assistant", "content": "春"}]
    row = {"sft": {"id": "a", "messages": message + reply}}
    row["align"] = {"id": "a", "prompt": message, "chosen": reply, "rejected": [{**reply[0], "content": "坏"}]}
    jsonl.write_rows(tmp_path / "rows.jsonl", [row[stage]])
    building.with_adapter(base).save_pretrained(tmp_path / "adapter")
    config = {"seed": 7, "curriculum": "none", "model": tiny.section("model")}
    config[stage] = tiny.section(stage, liger_kernel=True)
    given = {"config": json.dumps(config), "code": "x", "base": base, "output": tmp_path / "output"}
    given |= dict.fromkeys(("train", "validation"), tmp_path / "rows.jsonl")
    given |= {name: tmp_path / name for name in ("checkpoints", "tracking")}
    given |= {"adapter": tmp_path / "adapter"} if stage == "align" else {}
    with pytest.raises(UserError) as caught:
        (train_sft if stage == "sft" else train_align).main([f"--{name}={value}" for name, value in given.items()])
    assert caught.value.what == "Liger's kernels need a GPU, and this job computes on cpu"
    assert caught.value.where == f"{stage}.liger_kernel"
    assert caught.value.change == "set it to false"


def test_a_missing_package_is_named(base: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(name: str) -> Any:
        raise metadata.PackageNotFoundError(name)

    monkeypatch.setattr(metadata, "version", missing)
    with pytest.raises(UserError) as caught:
        liger.apply(building.with_adapter(base), "align", GPU)
    assert caught.value.what == "Liger's kernels need the package liger-kernel, which is not installed"
    assert caught.value.change == "pip install liger-kernel, or set it to false"


@pytest.mark.full
def test_losses_and_gradients_are_those_of_the_plain_model(tmp_path: Path) -> None:
    pytest.importorskip("liger_kernel", reason="needs liger-kernel and triton")
    script = Path(__file__).with_name("interpreted.py")
    paths = os.pathsep.join(str(tiny.REPOSITORY / part) for part in (".", "tests", "tests/training"))
    environment = os.environ | {"TRITON_INTERPRET": "1", "PYTHONPATH": paths}
    subprocess.run([sys.executable, script, tmp_path], env=environment, check=True)
    found = jsonl.read_json(tmp_path / "found.json")
    assert found.keys() == {"sft", "packed", "orpo"}
    for name, figures in found.items():
        assert figures["norm"] == "LigerRMSNorm.forward", name
        assert figures["gradients"], name
        assert figures["losses"][1] == pytest.approx(figures["losses"][0], rel=1e-6), name
        assert figures["largest_difference"] < 1e-5, name  # float32, sums taken in another order


@pytest.mark.full
def test_a_model_that_liger_does_not_know_is_refused(base: Path) -> None:
    pytest.importorskip("liger_kernel", reason="needs liger-kernel and triton")
    model = building.with_adapter(base)
    model.get_base_model().config.model_type = "abacus"
    with pytest.raises(UserError) as caught:
        liger.apply(model, "sft", GPU)
    assert caught.value.what == "Liger has no kernels for models of the type abacus"
