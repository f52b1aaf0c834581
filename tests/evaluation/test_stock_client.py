"""The command that stands in a result gives the same figures, run by the stock `lm-eval` as anyone would."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import task_samples
from peft import PeftModel
from test_official_tasks import convert, run
from transformers import AutoModelForCausalLM, AutoTokenizer

PER_TASK = {
    "cmmlu": {"num_fewshot": 2, "subsets": ["agronomy", "college_law"]},
    "ceval-valid": {"subsets": ["law", "college_physics"]},
    "winogrande": {"num_fewshot": 1, "limit": 6},
    "gsm8k": {"num_fewshot": 1, "limit": 1},
}

pytestmark = pytest.mark.full


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder with the five tasks' files laid out."""
    folder = tmp_path_factory.mktemp("stock")
    task_samples.write_all(folder / "data_raw/eval")
    before = Path.cwd()
    os.chdir(folder)
    for task in ("cmmlu", "ceval-valid", "hellaswag", "winogrande", "gsm8k"):
        convert(task)
    os.chdir(before)
    return folder


@pytest.fixture(scope="module")
def merged_model(byte_model: Path, byte_adapter: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("merged")
    whole = PeftModel.from_pretrained(AutoModelForCausalLM.from_pretrained(byte_model), byte_adapter)
    whole.merge_and_unload().save_pretrained(folder)
    AutoTokenizer.from_pretrained(byte_model).save_pretrained(folder)
    return folder


def stock(command: str, place: Path) -> dict[str, dict]:
    """Run a command, as it stands in a result but for where it writes, and return the figures of its tasks."""
    words, _, _ = command.partition("  # ")
    out = place / "stock"
    program = f"{sys.executable} -m lm_eval"
    environment = os.environ | {"HF_HUB_OFFLINE": "1", "HF_DATASETS_CACHE": str(place / "cache")}
    environment.pop("TUIQIAO_EXECUTION", None)
    line = words.replace("lm-eval run", f"{program} run", 1) + f" --output_path {out}/result.json"
    done = subprocess.run(["bash", "-c", line], cwd=place, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-3000:]
    (written,) = out.rglob("*.json")
    found = json.loads(written.read_text(encoding="utf-8"))
    written.unlink()
    return {name: figures | {"n": found["n-samples"][name]["effective"]} for name, figures in found["results"].items()}


@pytest.mark.parametrize(
    ("model", "task"),
    [
        ("base", "hellaswag"),
        ("adapter", "hellaswag"),
        ("merged", "hellaswag"),
        ("adapter", "cmmlu"),
        ("adapter", "ceval-valid"),
        ("adapter", "winogrande"),
        ("adapter", "gsm8k"),
    ],
)
def test_the_stock_command_gives_the_same_figures(
    place: Path,
    byte_model: Path,
    byte_adapter: Path,
    merged_model: Path,
    model: str,
    task: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(place)
    base = merged_model if model == "merged" else byte_model
    adapter = byte_adapter if model == "adapter" else None
    per_task = {task: PER_TASK[task]} if task in PER_TASK else {}
    ours = run(base, (task,), adapter=adapter, digest=model, per_task=per_task)[task]
    theirs = stock(ours["command"], place)
    total = sum(figures["n"] for figures in theirs.values())
    assert total == ours["n"]
    for metric, found in ours["metrics"].items():
        key = metric if "," in metric else f"{metric},none"
        mean = sum(figures[key] * figures["n"] for figures in theirs.values()) / total
        assert found["value"] == pytest.approx(mean, abs=1e-6), metric
    if task == "hellaswag":
        assert ours["stderr"] == pytest.approx(theirs[task]["acc_norm_stderr,none"], abs=1e-6)
