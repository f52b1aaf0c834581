"""What lies in a merged model's folder, that it says what the adapter says, and when it is refused."""

import json
from pathlib import Path
from typing import Any

import families
import pytest
import torch
from peft import PeftModel
from transformers import AutoModelForCausalLM, AutoTokenizer

from workflow_scripts.lib.config.export import Merged
from workflow_scripts.lib.errors import UserError
from workflow_scripts.lib.merging import merge
from workflow_scripts.lib.model_loading import load_tokenizer


@pytest.fixture(scope="module")
def chatml(tmp_path_factory: pytest.TempPathFactory) -> families.Family:
    return families.build("chatml", tmp_path_factory.mktemp("chatml"))


def merged(family: families.Family, output: Path, **changes: Any) -> dict:
    settings = Merged(**({"dtype": "float32", "shard_size": None, "max_mean_difference": 0.05} | changes))
    return merge(family.base, family.adapter, load_tokenizer(family.base), output, settings, [families.DIALOGUE])


def logits(model: Any, ids: torch.Tensor) -> torch.Tensor:
    with torch.no_grad():
        return model(input_ids=ids).logits


def test_the_folder_is_all_that_plain_transformers_needs(chatml, tmp_path):
    (tmp_path / "README.md").write_text("card of another model")
    parity = merged(chatml, tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "chat_template.jinja",
        "config.json",
        "generation_config.json",
        "model.safetensors",
        "tokenizer.json",
        "tokenizer_config.json",
    ]
    ids = AutoTokenizer.from_pretrained(tmp_path).apply_chat_template(families.DIALOGUE, return_tensors="pt")
    found = logits(AutoModelForCausalLM.from_pretrained(tmp_path), ids["input_ids"])
    adapted = PeftModel.from_pretrained(AutoModelForCausalLM.from_pretrained(chatml.base), chatml.adapter)
    difference = (found - logits(adapted.eval(), ids["input_ids"])).abs()
    assert float(difference.max()) == pytest.approx(parity["max"], rel=1e-3)
    assert float(difference.mean()) == pytest.approx(parity["mean"], rel=1e-3)
    assert parity["mean"] < parity["max"] < 1e-3
    assert parity["positions"] == ids["input_ids"].shape[1]
    assert parity["same_top_token"] == 1.0


@pytest.mark.parametrize(("shard_size", "files"), [("40KB", range(3, 9)), ("1GB", range(1, 2))])
def test_shards_have_an_index_and_load_as_one_model(chatml, tmp_path, shard_size, files):
    merged(chatml, tmp_path, shard_size=shard_size)
    index = json.loads((tmp_path / "model.safetensors.index.json").read_text())
    weights = {path.name for path in tmp_path.glob("*.safetensors")}
    assert len(weights) in files
    assert set(index["weight_map"].values()) == weights
    one = AutoModelForCausalLM.from_pretrained(chatml.merged).state_dict()
    parts = AutoModelForCausalLM.from_pretrained(tmp_path).state_dict()
    assert one.keys() == parts.keys()
    assert all(torch.equal(one[name], parts[name]) for name in one)


def test_half_precision_is_measured_against_full(chatml, tmp_path):
    parity = merged(chatml, tmp_path, dtype="bfloat16", max_mean_difference=10.0)
    assert AutoModelForCausalLM.from_pretrained(tmp_path).dtype == torch.bfloat16
    assert parity["mean"] > 1e-3
    with pytest.raises(UserError, match=r"logits differ by .* on average\n.*0.0001\n.*dtype is bfloat16"):
        merged(chatml, tmp_path, dtype="bfloat16", max_mean_difference=1e-4)


def test_an_overflow_is_refused(chatml, tmp_path):
    model = AutoModelForCausalLM.from_pretrained(chatml.base)
    with torch.no_grad():
        model.model.norm.weight.mul_(1e6)
    model.save_pretrained(tmp_path / "base")
    load_tokenizer(chatml.base).save_pretrained(tmp_path / "base")
    huge = families.Family(tmp_path / "base", chatml.adapter, tmp_path)
    with pytest.raises(UserError, match=r"differ by (nan|inf) on average"):
        merged(huge, tmp_path / "merged", dtype="float16", max_mean_difference=10.0)
