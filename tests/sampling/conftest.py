"""A tiny random Qwen2 that reads bytes, and rows that it is asked about."""

import sys
from pathlib import Path

import pytest
import torch

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import tiny

from workflow_scripts.lib import execution


@pytest.fixture(autouse=True)
def _one_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    """For matrices this small a second thread costs more than it brings; logging stays pytest's."""
    monkeypatch.setenv(execution.VARIABLE, '{"threads": 1}')
    monkeypatch.setattr("workflow_scripts.lib.logs.start", lambda: None)
    torch.set_num_threads(1)


@pytest.fixture(scope="session")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny.build(tmp_path_factory.mktemp("base"))


@pytest.fixture
def rows() -> list[dict]:
    """Seven questions of different lengths."""
    return [row(number) for number in range(7)]


def row(number: int) -> dict:
    question, answer = "甲" * (1 + number * 5 % 7) + f"有{number}个？", f"有 {number} 个。"
    return {
        "id": f"s/f.json#{number}",
        "source": "s",
        "messages": [{"role": "user", "content": question}, {"role": "assistant", "content": answer}],
        "lang": "zh",
        "group": f"{number:016x}",
        "meta": {"number": number},
        "hash": "h",
    }
