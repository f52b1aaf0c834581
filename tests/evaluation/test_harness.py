"""Harness figures are those of our own log-probabilities, restored where nothing changed, never served stale."""

import logging
import os
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
from evaluation_samples import MODEL, arguments, model_section
from peft import LoraConfig, get_peft_model
from transformers import AutoModelForCausalLM

from workflow_scripts import evaluate_harness as script
from workflow_scripts import write_eval_tasks
from workflow_scripts.lib import jsonl
from workflow_scripts.lib.chat_template import encode_prompt, with_system_prompt
from workflow_scripts.lib.errors import UserError
from workflow_scripts.lib.evaluation import harness, result_store
from workflow_scripts.lib.evaluation.harness_command import command
from workflow_scripts.lib.model_loading import load_model

TASK = "poem_continuation"


def config(**changes: Any) -> dict:
    values = {"tasks": [TASK], "limit": 6, "num_fewshot": None, "per_task": {}, "batch_size": 4} | changes
    values = {"system_prompt": None} | values
    return {"model": MODEL | {"system_prompt": values.pop("system_prompt")}, "eval": values}


@pytest.fixture
def tasks(poems: list[dict], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Working directory with the local task's files; their folder."""
    monkeypatch.chdir(tmp_path)
    write_tasks(poems)
    return Path("tasks")


def write_tasks(poems: list[dict]) -> None:
    jsonl.write_rows(Path("test.jsonl"), poems)
    files = {"task_yaml": f"tasks/{TASK}.yaml", "task_rows": f"tasks/{TASK}.jsonl"}
    write_eval_tasks.main(arguments(config={"seed": 42}, task=TASK, rows="test.jsonl", **files))


def run(base: Path, adapter: Path | None = None, digest: str = "d", code: str = "c", **changes: Any) -> dict:
    folders = {"task_folder": "tasks", "result_folder": "results", "store": "store"}
    flags = arguments(config=config(**changes), code=code, base=base, adapter=adapter, model_digest=digest, **folders)
    script.main([*flags, "--task-data"])
    return jsonl.read_json(Path("results") / f"{TASK}.json")


def accuracies(model: Any, tokenizer: Any, rows: list[dict], system_prompt: str | None) -> dict[str, tuple]:
    """Score every choice by itself after the prompt; the harness adds no end of turn."""
    found = {}
    for row in rows:
        asked = [{"role": "user", "content": row["query"]}]
        prompt = encode_prompt(tokenizer, with_system_prompt(asked, system_prompt))
        scores = []
        for choice in row["choices"]:
            ids = tokenizer(choice, add_special_tokens=False)["input_ids"]
            with torch.no_grad():
                log_probs = model(input_ids=torch.tensor([prompt + ids])).logits[0].log_softmax(-1)
            scores.append(sum(float(log_probs[len(prompt) - 1 + n, token]) for n, token in enumerate(ids)))
        lengths = [len(choice) for choice in row["choices"]]
        normed = [score / length for score, length in zip(scores, lengths, strict=True)]
        found[row["id"]] = tuple(float(s.index(max(s)) == row["gold"]) for s in (scores, normed))
    return found


@pytest.mark.parametrize("system_prompt", [None, "你是唐代诗人。"])
@pytest.mark.parametrize("adapted", [False, True])
def test_figures_are_our_own(
    tasks: Path, byte_model: Path, byte_adapter: Path, tokenizer: Any, system_prompt: str | None, adapted: bool
) -> None:
    adapter = byte_adapter if adapted else None
    result = run(byte_model, adapter, limit=None, system_prompt=system_prompt)
    model = load_model(byte_model, model_section(), adapter)
    rows = list(jsonl.read_rows(tasks / f"{TASK}.jsonl"))
    wanted = accuracies(model, tokenizer, rows, system_prompt)
    assert {s["id"]: (s["acc"], s["acc_norm"]) for s in result["samples"]} == wanted
    assert [sample["id"] for sample in result["samples"]] == [row["id"] for row in rows]
    assert (result["metric"], result["n"]) == ("acc", 14)
    assert result["value"] == pytest.approx(sum(acc for acc, _ in wanted.values()) / 14)
    assert result["metrics"]["acc_norm"]["value"] == pytest.approx(sum(norm for _, norm in wanted.values()) / 14)
    assert 0 < result["stderr"] < 0.5


def test_what_did_not_change_is_restored(
    tasks: Path, byte_model: Path, poems: list[dict], caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    caplog.set_level(logging.INFO)
    # logs.start() replaces the handlers of the root, pytest's among them
    monkeypatch.setattr(script.logs, "start", lambda: None)
    first = run(byte_model)
    assert f"{TASK}: restored" not in caplog.messages

    def refuse(*_: Any) -> None:
        raise AssertionError("a model was loaded")

    monkeypatch.setattr(script, "load_stage", refuse)
    (Path("results") / f"{TASK}.json").unlink()
    assert run(byte_model) == first
    assert f"{TASK}: restored" in caplog.messages
    for change in ({"digest": "other weights"}, {"code": "other code"}, {"limit": 5}, {"system_prompt": "你好"}):
        with pytest.raises(AssertionError, match="a model was loaded"):
            run(byte_model, **change)
    write_tasks(poems[1:])
    with pytest.raises(AssertionError, match="a model was loaded"):
        run(byte_model)


def test_an_edited_task_is_not_served_from_a_cache(tasks: Path, byte_model: Path) -> None:
    """Same name, same size, same time of change: what ``datasets`` goes by says nothing new."""
    before = run(byte_model, limit=None)
    file = tasks / f"{TASK}.jsonl"
    stat = file.stat()
    turned = [{**row, "gold": (row["gold"] + 1) % 4} for row in jsonl.read_rows(file)]
    jsonl.write_rows(file, turned)
    assert file.stat().st_size == stat.st_size
    os.utime(file, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    after = run(byte_model, limit=None)
    assert not any(one["acc"] and other["acc"] for one, other in zip(before["samples"], after["samples"], strict=True))
    assert sum(sample["acc"] for sample in before["samples"]) > 0


def test_the_bytes_are_the_same_again(tasks: Path, byte_model: Path) -> None:
    run(byte_model)
    first = (Path("results") / f"{TASK}.json").read_bytes()
    shutil.rmtree("store")
    run(byte_model)
    assert (Path("results") / f"{TASK}.json").read_bytes() == first


def test_an_adapter_that_changes_nothing_is_refused(tasks: Path, byte_model: Path, tmp_path: Path) -> None:
    model = AutoModelForCausalLM.from_pretrained(byte_model)
    get_peft_model(model, LoraConfig(r=2, target_modules="all-linear")).save_pretrained(tmp_path / "idle")
    with pytest.raises(UserError) as caught:
        run(byte_model, tmp_path / "idle")
    assert caught.value.what == "the adapter does not change the model's output"


@pytest.mark.parametrize(
    ("changes", "model", "adapter", "wanted"),
    [
        (
            {},
            {},
            None,
            "lm-eval run --model hf --model_args pretrained=models/base,dtype=float32,attn_implementation=sdpa "
            "--tasks poem_continuation --include_path tasks --batch_size 4 --apply_chat_template --limit 6",
        ),
        (
            {"limit": None, "num_fewshot": 2},
            {"system_prompt": "你是 诗人", "dtype": "bfloat16", "quantization": "nf4"},
            "models/sft",
            "lm-eval run --model hf --model_args pretrained=models/base,dtype=bfloat16,attn_implementation=sdpa,"
            "peft=models/sft --tasks poem_continuation --include_path tasks --batch_size 4 "
            "--apply_chat_template --system_instruction '你是 诗人' --num_fewshot 2"
            "  # on the base as it is; the figure was measured on it in nf4, expect a small difference",
        ),
    ],
)
def test_command(changes: dict, model: dict, adapter: str | None, wanted: str) -> None:
    values = config(**changes)
    values["model"] |= model
    settings = harness.HarnessConfig.model_validate(values)
    task = harness.task_of(TASK, settings.eval, local={"task": TASK})
    found = command(task, [TASK], Path("models/base"), adapter and Path(adapter), Path("tasks"), settings)
    assert found == wanted


def test_a_broken_store_counts_as_empty(tmp_path: Path) -> None:
    result_store.keep(tmp_path, "x", {"value": 1})
    assert result_store.restore(tmp_path, "x") == {"value": 1}
    (tmp_path / "x.json").write_text('{"value":')
    assert result_store.restore(tmp_path, "x") is None
    assert result_store.restore(tmp_path, "y") is None


def test_keys_do_not_run_together() -> None:
    assert result_store.key("ab", "c") != result_store.key("a", "bc")
