"""A tiny random Qwen2 that reads bytes, an adapter for it, and rows of invented verse."""

import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from evaluation_samples import GREEDY, model_section, pair_row, poem_row
from peft import LoraConfig, get_peft_model
from transformers import Qwen2ForCausalLM

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import tiny

from workflow_scripts.lib import execution
from workflow_scripts.lib.config.generation import Generation
from workflow_scripts.lib.model_loading import load_model, load_tokenizer


@pytest.fixture(autouse=True)
def one_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    """For matrices this small a second thread costs more than it brings."""
    monkeypatch.setenv(execution.VARIABLE, '{"threads": 1}')
    torch.set_num_threads(1)


@pytest.fixture(scope="session")
def byte_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder of a Qwen2 of two layers with random weights, tokenizer and chat template."""
    return tiny.build(tmp_path_factory.mktemp("byte_model"))


@pytest.fixture(scope="session")
def byte_adapter(byte_model: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder of a LoRA adapter that changes the model's mind."""
    folder = tmp_path_factory.mktemp("byte_adapter")
    torch.manual_seed(1)
    lora = LoraConfig(r=4, lora_alpha=64, target_modules="all-linear", init_lora_weights=False, task_type="CAUSAL_LM")
    get_peft_model(Qwen2ForCausalLM.from_pretrained(byte_model), lora).save_pretrained(folder)
    return folder


@pytest.fixture(scope="session")
def tokenizer(byte_model: Path) -> Any:
    return load_tokenizer(byte_model)


@pytest.fixture(params=["base", "adapter"])
def model(request: pytest.FixtureRequest, byte_model: Path, byte_adapter: Path) -> Any:
    """The tiny model, bare and with its adapter."""
    return load_model(byte_model, model_section(), byte_adapter if request.param == "adapter" else None)


@pytest.fixture(scope="session")
def poems() -> list[dict]:
    """Fourteen dialogues about invented quatrains, of two sources and of different lengths."""
    return [poem_row(number) for number in range(14)]


@pytest.fixture(scope="session")
def pairs() -> list[dict]:
    return [pair_row(number) for number in range(11)]


@pytest.fixture
def greedy() -> Generation:
    return Generation.model_validate(GREEDY)
