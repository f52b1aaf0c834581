"""What a run shows while it works, and when it ends early."""

import json
import logging
from pathlib import Path
from typing import Any

import building
import pytest
import tiny
import torch
from building import dialogue, pair
from datasets import Dataset
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from workflow_scripts.lib.config.training import Sft
from workflow_scripts.lib.errors import UserError
from workflow_scripts.lib.training import checkpoints, trackers
from workflow_scripts.lib.training.rows import encode_sft_rows
from workflow_scripts.lib.training.run import run
from workflow_scripts.lib.training.watching import WatchedReplies

POEMS = [dialogue(str(i), f"写{i}", "春眠不覺曉，處處聞啼鳥。"[i:]) for i in range(6)]


@pytest.fixture
def rows(tokenizer: Any) -> list[dict]:
    return encode_sft_rows(tokenizer, POEMS, Sft.model_validate(tiny.section("sft")), None)[0]


def test_replies_of_each_validation(
    base: Path, tokenizer: Any, rows: list[dict], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    given = {"max_steps": 80, "learning_rate": 0.02, "global_batch_size": 6}
    trainer = building.sft_trainer(base, tokenizer, rows, tmp_path, **given)
    trainer.watch = WatchedReplies(tokenizer, POEMS, 2, None)
    with caplog.at_level(logging.INFO):
        first, last = run(trainer, tmp_path, evaluations=2)["validation"]
    assert len(first["replies"]) == len(last["replies"]) == 2
    # by now it knows the poems by heart, and stops where they end
    assert last["replies"] == [POEMS[0]["messages"][1]["content"], POEMS[1]["messages"][1]["content"]]
    assert last["reply_tokens"] == (3 * 12 + 3 * 11) / 2  # a byte a token
    assert (last["reply_stopped"], last["reply_repetition"]) == (1.0, 0.0)
    assert "  写1 → 眠不覺曉，處處聞啼鳥。" in caplog.messages


def test_no_replies_are_written_where_none_are_wanted(tokenizer: Any) -> None:
    assert WatchedReplies(tokenizer, POEMS, 0, None)(None) == ({}, [])


def test_prompts_are_those_of_training(tokenizer: Any) -> None:
    longer = dialogue("a", "一", "二")
    longer["messages"] += [{"role": "user", "content": "三"}, {"role": "assistant", "content": "四"}]
    watched = WatchedReplies(tokenizer, [longer, pair("p", "五", "好", "坏")], 9, "你是诗人")
    contents = [[message["content"] for message in prompt] for prompt in watched.prompts]
    assert contents == [["你是诗人", "一", "二", "三"], ["你是诗人", "五"]]


def test_a_run_that_gets_worse_ends_early_and_resumes_as_ended(
    base: Path, tokenizer: Any, rows: list[dict], tmp_path: Path
) -> None:
    def make() -> Any:
        trainer = building.sft_trainer(
            base, tokenizer, rows, tmp_path, max_steps=40, learning_rate=0.02, scheduler="constant"
        )
        other = encode_sft_rows(tokenizer, [dialogue("a", "abc", "xyz")], Sft.model_validate(tiny.section("sft")), None)
        trainer.eval_dataset = Dataset.from_list(other[0])  # nothing that the poems teach
        trainer.patience = 2
        return trainer

    whole = make()
    expected = run(whole, tmp_path, evaluations=20)
    losses = [entry["loss"] for entry in expected["validation"]]
    best = losses.index(min(losses))
    assert len(losses) == best + 3 < 20
    assert expected["steps"] == expected["validation"][-1]["step"]
    assert expected["best_step"] == expected["validation"][best]["step"]
    assert checkpoints.last(tmp_path).endswith(f"checkpoint-{expected['steps']}")
    again = make()
    assert json.dumps(run(again, tmp_path, evaluations=20)) == json.dumps(expected)
    for name, value in building.weights(whole.model).items():
        assert torch.equal(value, building.weights(again.model)[name]), name
    assert again.evaluate()["eval_loss"] == pytest.approx(min(losses), rel=1e-5)  # it ends with the best adapter


def test_a_tracker_gets_the_figures(
    base: Path, tokenizer: Any, rows: list[dict], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("TENSORBOARD_LOGGING_DIR", raising=False)
    monkeypatch.setitem(building.EXECUTION, "report_to", trackers.use(["none", "tensorboard"], tmp_path / "tracking"))
    trainer = building.sft_trainer(base, tokenizer, rows, tmp_path, max_steps=4)
    trainer.watch = WatchedReplies(tokenizer, POEMS, 1, None)
    metrics = run(trainer, tmp_path, evaluations=1)
    events = EventAccumulator(str(tmp_path / "tracking" / "tensorboard"))
    events.Reload()
    assert [event.step for event in events.Scalars("train/loss")] == [1, 2, 3, 4]
    assert events.Scalars("train/loss")[-1].value == pytest.approx(metrics["last_loss"])
    assert {"train/learning_rate", "train/grad_norm", "eval/reply_tokens"} <= set(events.Tags()["scalars"])


def test_a_tracker_that_is_not_installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(trackers._INSTALLED, "swanlab", lambda: False)
    with pytest.raises(UserError) as caught:
        trackers.use(["swanlab"], tmp_path / "tracking")
    assert caught.value.what == "swanlab is not installed"
    assert caught.value.change == "pip install 'swanlab<0.8', or take it out"
    monkeypatch.setitem(trackers._WANTED, "tensorboard", "tensorboard<1")
    with pytest.raises(UserError) as caught:
        trackers.use(["tensorboard"], tmp_path / "tracking")
    assert caught.value.what.endswith("does not work with this transformers")
    assert caught.value.change == "pip install 'tensorboard<1'"
    assert trackers.use(["none"], tmp_path / "tracking") == []
    assert not (tmp_path / "tracking").exists()
