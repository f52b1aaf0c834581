"""How a training job is started: accelerate's settings come to its command when it runs, and stand in no record."""

import json
from pathlib import Path

import pytest

from workflow_scripts.lib.execution import VARIABLE, launched

TRAIN = ["accelerate", "launch", "-m", "workflow_scripts.train_sft", "--code", "c"]


@pytest.mark.parametrize(("num_processes", "port"), [(1, []), (2, ["--main_process_port", "0"])])
def test_the_configured_launcher_is_used(monkeypatch: pytest.MonkeyPatch, num_processes: int, port: list[str]) -> None:
    monkeypatch.setenv(VARIABLE, json.dumps({"launcher": "own/multi.yaml", "num_processes": num_processes}))
    how = ["--config_file", "repository/own/multi.yaml", "--num_processes", str(num_processes)]
    assert launched(TRAIN, Path("repository")) == ["accelerate", "launch", *how, *port, *TRAIN[2:]]


@pytest.mark.parametrize("name", ["perplexity", "preference"])
def test_several_processes_share_an_evaluation(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    command = ["python", "-m", f"workflow_scripts.evaluate_{name}", "--rows", "r"]
    for number, launcher in ((2, "fsdp2.yaml"), (1, "single.yaml")):
        settings = {"launcher": f"config/accelerate/{launcher}", "num_processes": number}
        monkeypatch.setenv(VARIABLE, json.dumps(settings))
        # the model is whole in each, since only training knows how to share it out
        how = ["--config_file", "repository/config/accelerate/multi.yaml", "--num_processes", "2"]
        shared = ["accelerate", "launch", *how, "--main_process_port", "0", *command[1:]]
        assert launched(command, Path("repository")) == (shared if number == 2 else command)


def test_other_commands_and_those_run_by_hand_stay_as_they_are(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, json.dumps({"launcher": "own/multi.yaml", "num_processes": 2}))
    assert launched(["python", "-m", "json.tool"], Path("repository")) == ["python", "-m", "json.tool"]
    monkeypatch.delenv(VARIABLE)
    assert launched(TRAIN, Path("repository")) == TRAIN
