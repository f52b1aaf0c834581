"""Tiny model and tokenizer for the training tests."""

import sys
from pathlib import Path
from typing import Any

import pytest
import torch

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import tiny

from workflow_scripts.lib.model_loading import load_tokenizer


@pytest.fixture(scope="session")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    torch.set_num_threads(1)  # tiny tensors: two threads would mostly wait for each other
    return tiny.build(tmp_path_factory.mktemp("base"))


@pytest.fixture(scope="session")
def tokenizer(base: Path) -> Any:
    return load_tokenizer(base)
