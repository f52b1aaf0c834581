"""SFT with unsloth on a GPU, against transformers in the same environment: that of envs/requirements-unsloth.txt.

.venv-unsloth/bin/python -m pip install pytest
.venv-unsloth/bin/python -m pytest -p no:cacheprovider tests/training/test_unsloth_gpu.py
"""

import importlib.metadata
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import building
import pytest
import tiny
import torch
from safetensors.torch import load_file

from workflow_scripts.lib import jsonl


def _is_here() -> bool:
    try:
        importlib.metadata.version("unsloth")
    except importlib.metadata.PackageNotFoundError:
        return False
    return torch.cuda.is_available()


pytestmark = pytest.mark.skipif(not _is_here(), reason="no GPU, or not the environment of requirements-unsloth.txt")
ANSWERS = ("春眠不觉晓", "处处闻啼鸟", "夜来风雨声", "花落知多少")
CASES = {
    "plain": {},
    "packed": {"packing": True, "gradient_checkpointing": True},
    "dropout": {"lora__dropout": 0.1, "neftune_noise_alpha": 5.0},
}


def trained(base: Path, folder: Path, backend: str, **changes: Any) -> Path:
    """Return the folder that the script left, run as the rule runs it."""
    rows = [building.dialogue(f"r/{n}", "诗" * (n % 5 + 1), ANSWERS[n % 4] * (n % 3 + 1)) for n in range(24)]
    for name, part in (("train", rows[:16]), ("val", rows[16:])):
        text = "".join(json.dumps(row | {"lang": "zh"}, ensure_ascii=False) + "\n" for row in part)
        (folder / f"{name}.jsonl").write_text(text, encoding="utf-8")
    given = {"global_batch_size": 8, "micro_batch_size": 2, "epochs": None, "max_steps": 6, "learning_rate": 0.005}
    config = {
        "seed": building.SEED,
        "model": tiny.section("model", dtype="bfloat16"),
        "sft": tiny.section("sft", **(given | {"max_length": 512, "backend": backend} | changes)),
        "curriculum": "none",
    }
    output = folder / backend
    flags = {
        "config": json.dumps(config),
        "code": "c",
        "train": folder / "train.jsonl",
        "validation": folder / "val.jsonl",
        "base": base,
        "checkpoints": folder / f"{backend}.checkpoints",
        "tracking": folder / f"{backend}.tracking",
        "output": output,
    }
    words = [str(word) for name, value in flags.items() for word in (f"--{name}", value)]
    command = [sys.executable, "-m", "workflow_scripts.train_sft", *words]
    done = subprocess.run(command, cwd=tiny.REPOSITORY, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert (backend == "unsloth") == ("unsloth and transformers differ by" in done.stderr)
    return output


@pytest.mark.parametrize("changes", CASES.values(), ids=CASES)
def test_it_leaves_the_files_that_transformers_leaves_and_learns_as_much(
    base: Path, tmp_path: Path, changes: dict[str, Any]
) -> None:
    usual, own = (trained(base, tmp_path, backend, **changes) for backend in ("transformers", "unsloth"))
    assert sorted(path.name for path in own.iterdir()) == sorted(path.name for path in usual.iterdir())
    for name in ("adapter_config.json", "tokenizer.json"):
        assert (own / name).read_bytes() == (usual / name).read_bytes()
    weights, expected = (load_file(folder / "adapter_model.safetensors") for folder in (own, usual))
    assert {name: value.shape for name, value in weights.items()} == {n: v.shape for n, v in expected.items()}
    figures, wanted = (jsonl.read_json(folder / "metrics.json") for folder in (own, usual))
    assert figures["tokens_trained"] == wanted["tokens_trained"]
    for name in ("first_loss", "last_loss"):
        assert figures[name] == pytest.approx(wanted[name], rel=0.02 if "lora__dropout" not in changes else 0.1)
