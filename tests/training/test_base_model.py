"""A base model laid out: the source stays as it is, whatever is changed beside it."""

from pathlib import Path

import pytest
import tiny
from safetensors.torch import load_file
from transformers import AutoTokenizer

from workflow_scripts.lib import base_model
from workflow_scripts.lib.errors import UserError
from workflow_scripts.lib.provenance.records import file_digest


@pytest.fixture
def source(tmp_path: Path) -> Path:
    return tiny.build(tmp_path / "source")


def test_another_chat_template_does_not_reach_the_source(source: Path, tmp_path: Path) -> None:
    template = tmp_path / "other.jinja"
    template.write_text("{% for message in messages %}{{ message['content'] }}{% endfor %}", encoding="utf-8")
    before = {path.name: file_digest(path) for path in source.iterdir()}
    base_model.prepare(source, tmp_path / "base", template)
    assert {path.name: file_digest(path) for path in source.iterdir()} == before
    assert AutoTokenizer.from_pretrained(tmp_path / "base").chat_template == template.read_text(encoding="utf-8")
    assert load_file(tmp_path / "base" / "model.safetensors").keys() == load_file(source / "model.safetensors").keys()


def test_what_an_earlier_base_left_is_gone(source: Path, tmp_path: Path) -> None:
    left = tmp_path / "base" / "model-00002-of-00002.safetensors"
    left.parent.mkdir()
    left.write_bytes(b"earlier")
    base_model.prepare(source, tmp_path / "base", None)
    assert sorted(path.name for path in (tmp_path / "base").iterdir()) == sorted(path.name for path in source.iterdir())


def test_a_model_without_chat_template_is_refused_and_leaves_nothing(source: Path, tmp_path: Path) -> None:
    for path in (source / "chat_template.jinja", source / "tokenizer_config.json"):
        path.unlink(missing_ok=True)
    with pytest.raises(UserError, match="no chat template"):
        base_model.prepare(source, tmp_path / "base", None)
    assert list((tmp_path / "base").iterdir()) == []
