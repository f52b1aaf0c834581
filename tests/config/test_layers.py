"""Layers: who wins, who is remembered, and what is read as a number."""

import os
from pathlib import Path
from typing import Any

import pytest
import yaml

from workflow_scripts.lib.config import annotated, finished, layers
from workflow_scripts.lib.errors import UserError

REPOSITORY = Path(__file__).resolve().parents[2]
SAMPLE = Path(__file__).parent / "sample.yaml"
HARDWARE = sorted(path.stem for path in (REPOSITORY / "config" / "hardware").glob("*.yaml"))
RECIPES = sorted(path.stem for path in (REPOSITORY / "config" / "recipes").glob("*.yaml"))


def load(*configfiles: Path, **arguments: Any) -> layers.Settings:
    return layers.load(REPOSITORY, list(configfiles), arguments)


@pytest.fixture
def own(tmp_path: Path) -> Path:
    path = tmp_path / "own.yaml"
    path.write_text("seed: 7\nsft: {learning_rate: 3e-4, weight_decay: 0.5}\nhardware: rtx4090\n", encoding="utf-8")
    return path


def test_later_layers_win_and_are_remembered(own: Path) -> None:
    settings = load(own, sft="{weight_decay: 0.25}")
    config, layer_of = settings.config, settings.layer_of
    found = {
        "sft.max_grad_norm": (config.sft.max_grad_norm, layer_of["sft", "max_grad_norm"]),
        "sft.epochs": (config.sft.epochs, layer_of["sft", "epochs"]),
        "sft.micro_batch_size": (config.sft.micro_batch_size, layer_of["sft", "micro_batch_size"]),
        "sft.max_length": (config.sft.max_length, layer_of["sft", "max_length"]),
        "sft.learning_rate": (config.sft.learning_rate, layer_of["sft", "learning_rate"]),
        "sft.weight_decay": (config.sft.weight_decay, layer_of["sft", "weight_decay"]),
        "seed": (config.seed, layer_of["seed",]),
    }
    assert found == {
        "sft.max_grad_norm": (1.0, "config/config.yaml"),
        "sft.epochs": (None, "config/recipes/tang.yaml"),
        "sft.micro_batch_size": (2, "config/hardware/rtx4090.yaml"),  # the recipe says 8
        "sft.max_length": (256, "config/recipes/tang.yaml"),  # less than the cap of the card
        "sft.learning_rate": (3e-4, os.path.relpath(own)),
        "sft.weight_decay": (0.25, "--config"),
        "seed": (7, os.path.relpath(own)),
    }


def test_a_later_config_file_wins(own: Path, tmp_path: Path) -> None:
    later = tmp_path / "later.yaml"
    later.write_text("seed: 8\n", encoding="utf-8")
    assert load(own, later).config.seed == 8
    assert load(later, own).config.seed == 7


def test_hardware_on_the_command_line_wins_over_a_config_file(own: Path) -> None:
    settings = load(own, hardware="cpu")
    assert settings.config.hardware == "cpu"
    assert settings.config.model.quantization == "none"
    assert settings.layer_of["model", "quantization"] == "config/hardware/cpu.yaml"


def test_hardware_caps_lengths_and_people_overrule_it(tmp_path: Path) -> None:
    keys = (("clean", "max_tokens"), ("sft", "max_length"), ("align", "max_length"))
    settings = load(recipe="general", hardware="rtx4090")
    assert [settings.values()[section][key] for section, key in keys] == [2048, 2048, 2048]
    assert {settings.layer_of[key] for key in keys} == {"config/hardware/rtx4090.yaml"}
    settings = load(recipe="general", hardware="rtx5090")
    assert {settings.layer_of[key] for key in keys} == {"config/recipes/general.yaml"}
    assert load(recipe="general", hardware="rtx4090", sft={"max_length": 8192}).config.sft.max_length == 8192
    assert load(recipe="general", hardware="rtx4090", clean={"max_tokens": None}).config.clean.max_tokens is None


def test_a_recipe_replaces_sources() -> None:
    source = {"use": "sft", "adapter": "messages", "from": "npm://a@1/b", "license": "mit"}
    defaults = layers.read_layer(REPOSITORY / "config" / "config.yaml", "config/config.yaml")
    tang = layers.read_layer(SAMPLE, "config/recipes/tang.yaml")
    other = layers.Layer("config/recipes/other.yaml", {"sources": {"other": source}, "align": {"method": "none"}}, {})
    assert list(layers.merge([defaults, tang, other]).config.sources) == ["other"]
    added = layers.Layer("--configfile", other.values, {})
    assert list(layers.merge([defaults, tang, added]).config.sources) == ["tang_poems", "tang_pairs", "other"]


def test_a_list_and_null_replace() -> None:
    config = load(sft="{lora: {target_modules: [q_proj]}}", eval={"limit": None, "stages": ["base"]}).config
    assert config.sft.lora.target_modules == ["q_proj"]
    assert config.sft.lora.alpha == 32
    assert config.eval.stages == ["base"]
    assert config.eval.limit is None


@pytest.mark.parametrize(
    ("arguments", "key", "value"),
    [
        ({"align": "{beta: 0.3}"}, "align.beta", 0.3),
        ({"align": "{beta: 1e-4}"}, "align.beta", 0.0001),
        ({"align": {"beta": "1e-4"}}, "align.beta", 0.0001),
        ({"sft": "{lora: {r: 4, dropout: 1e-1}}"}, "sft.lora.dropout", 0.1),
        ({"sft": "{max_steps: '12'}"}, "sft.max_steps", 12),
        ({"sft": "{max_steps: 12.0}"}, "sft.max_steps", 12),
        ({"sft": "{max_steps: 1e2}"}, "sft.max_steps", 100),
        ({"sft": "{seed: 'null'}"}, "sft.seed", None),
        ({"clean": "{max_chars: None}"}, "clean.max_chars", None),
        ({"clean": "{allow_english: 'True'}"}, "clean.allow_english", True),
        ({"execution": "{threads: '2'}"}, "execution.threads", 2),
        ({"execution": "{threads: auto}"}, "execution.threads", "auto"),
    ],
)
def test_text_is_read_as_what_it_means(arguments: dict[str, Any], key: str, value: Any) -> None:
    found = load(**arguments).values()
    for part in key.split("."):
        found = found[part]
    assert found == value
    assert type(found) is type(value)


def test_numbers_in_a_file_may_be_text_to_yaml(own: Path) -> None:
    assert yaml.safe_load(own.read_text(encoding="utf-8"))["sft"]["learning_rate"] == "3e-4"
    assert load(own).config.sft.learning_rate == 3e-4


@pytest.mark.parametrize("hardware", HARDWARE)
@pytest.mark.parametrize("recipe", RECIPES)
def test_every_shipped_config_loads(recipe: str, hardware: str) -> None:
    own = {"own": {"use": "sft", "adapter": "messages", "from": "file://LICENSE", "license": "mit"}}
    there = {"from": "file://LICENSE"}  # a file that people bring
    brought = {
        "custom": {"sources": own, "align": {"method": "none"}},
        "domain-small": {"sources": {"reports": there}},
        "domain-large": {"sources": {"my_reports": there}},
    }
    config = load(recipe=recipe, hardware=hardware, **brought.get(recipe, {})).config
    assert (config.recipe, config.hardware) == (recipe, hardware)


def test_there_are_shipped_configs() -> None:
    assert {"tang"} <= set(RECIPES)
    assert {"cpu", "rtx4090"} <= set(HARDWARE)


def test_annotated_config_loads_back_to_the_same_values(own: Path) -> None:
    settings = load(
        own,
        model={"system_prompt": "你说：#1\n“二”: {三}"},
        sources="{tang_poems: {where: {form: [quatrain5, 5, null]}, clean: {max_chars: null}}}",
    )
    values = settings.values()
    text = annotated.annotate(values, {".".join(key): layer for key, layer in settings.layer_of.items()})
    assert yaml.safe_load(text) == values
    lines = {line.split("  # ")[0].strip(): line.partition("  # ")[2] for line in text.splitlines()}
    assert lines["epochs: null"] == "config/recipes/tang.yaml"
    assert lines["seed: 7"] == os.path.relpath(own)
    assert lines["max_grad_norm: 1.0"] == "config/config.yaml"
    assert lines["where:"] == ""
    assert lines["form: [quatrain5, 5, null]"] == "--config"


def test_values_tell_a_bound_left_out_from_one_switched_off() -> None:
    values = load(SAMPLE, sources="{tang_poems: {clean: {max_chars: null}}}").values()
    assert values["sources"]["tang_poems"]["clean"] == {"max_chars": None}
    assert values["sources"]["tang_pairs"]["clean"] == {}


def test_results_without_their_config(tmp_path: Path) -> None:
    """So they are after a run that was asked for the data card only."""
    with pytest.raises(UserError) as raised:
        finished.layers_of(REPOSITORY, tmp_path / "results")
    assert (raised.value.what, raised.value.where) == ("no config file results/config.yaml", "results/config.yaml")
    assert "ask snakemake for results/config.yaml as well" in raised.value.change
