"""One list of keys: config/config.yaml, the models, and the schema for editors agree."""

import json
import types
import typing
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel

from workflow_scripts.lib.config import layers, schema
from workflow_scripts.lib.config.data import Source
from workflow_scripts.lib.config.evaluation import TaskOptions
from workflow_scripts.lib.config.models import Config
from workflow_scripts.lib.config.training import Optimizer, Scheduler

CONFIG = Path(__file__).resolve().parents[2] / "config"


def leaves_of_models(model: type[BaseModel], above: tuple[str, ...] = ()) -> Iterator[str]:
    for name, field in model.model_fields.items():
        path = (*above, field.alias or name)
        if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
            yield from leaves_of_models(field.annotation, path)
        else:
            yield ".".join(path)


def leaves_of_values(values: dict[str, Any], above: tuple[str, ...] = ()) -> Iterator[str]:
    for key, value in values.items():
        if isinstance(value, dict) and value:
            yield from leaves_of_values(value, (*above, key))
        else:
            yield ".".join((*above, key))


def models_below(kind: Any) -> Iterator[type[BaseModel]]:
    if isinstance(kind, type) and issubclass(kind, BaseModel):
        yield kind
        for field in kind.model_fields.values():
            yield from models_below(field.annotation)
    elif typing.get_origin(kind) in (dict, list, typing.Union, types.UnionType, typing.Annotated):
        for argument in typing.get_args(kind):
            yield from models_below(argument)


def test_config_yaml_has_every_key_and_no_other() -> None:
    written = sorted(leaves_of_values(layers.read_layer(CONFIG / "config.yaml", "config/config.yaml").values))
    assert written == sorted(leaves_of_models(Config))
    assert {"sources", "sft.lora.r", "eval.panel.max_new_tokens", "execution.threads"} <= set(written)


def test_models_are_closed_frozen_strict_and_without_defaults() -> None:
    found = set(models_below(Config))
    assert len(found) > 15
    for model in found:
        config = model.model_config
        assert (config["extra"], config["frozen"], config["strict"]) == ("forbid", True, True), model
        assert config["allow_inf_nan"] is False, model
    left_out_means_off, left_out_means_as_for_all = set(models_below(Source)), {TaskOptions}
    for model in found - left_out_means_off - left_out_means_as_for_all:
        assert [name for name, field in model.model_fields.items() if not field.is_required()] == [], model


def test_the_schema_of_editors_is_the_one_the_models_give() -> None:
    kept = json.loads((CONFIG / "schema.json").read_text(encoding="utf-8"))
    assert kept == json.loads(json.dumps(schema.build(CONFIG / "config.yaml"))), "run `make schema`"


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        (("properties", "seed", "type"), "integer"),
        (("$defs", "Lora", "properties", "r", "type"), "integer"),
        (("$defs", "Lora", "additionalProperties"), False),
        (("$defs", "Align", "properties", "method", "enum"), ["orpo", "dpo", "simpo", "ipo", "none"]),
    ],
)
def test_the_schema_holds_types_and_choices(path: tuple[str, ...], expected: Any) -> None:
    found = schema.build(CONFIG / "config.yaml")
    for part in path:
        found = found[part]
    assert found == expected


def test_the_schema_requires_nothing_and_describes_keys() -> None:
    built = schema.build(CONFIG / "config.yaml")
    assert "required" not in json.dumps({name: part for name, part in built["$defs"].items() if name != "Source"})
    assert built["properties"]["seed"]["description"].startswith("seeds every draw")


def test_every_optimizer_and_scheduler_is_one_of_the_library() -> None:
    from transformers.trainer_utils import SchedulerType
    from transformers.training_args import OptimizerNames

    assert set(typing.get_args(Optimizer)) <= {known.value for known in OptimizerNames}
    assert set(typing.get_args(Scheduler)) <= {known.value for known in SchedulerType}
