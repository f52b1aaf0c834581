"""Tiny models with the chat templates of several families, each with an adapter and what is exported of it."""

import sys
from pathlib import Path

import pytest
import torch

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import families


@pytest.fixture(scope="session", params=families.TEMPLATES)
def family(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> families.Family:
    torch.set_num_threads(1)
    return families.build(request.param, tmp_path_factory.mktemp(request.param))
