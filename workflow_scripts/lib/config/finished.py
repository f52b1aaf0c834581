"""The config that results were made with, from the file that stands beside them, and values given on top of it."""

from pathlib import Path
from typing import Any

import yaml

from workflow_scripts.lib.config import layers
from workflow_scripts.lib.config.layers import Layer
from workflow_scripts.lib.errors import UserError


def layers_of(repository: Path, results: Path) -> list[Layer]:
    """Return the layers of finished results: the defaults, for keys that are newer than the results, and their own.

    Args:
        repository: Folder that holds ``config/``.
        results: Folder of the results.

    Raises:
        UserError: If no config stands beside them, as where a run was asked for some files only.
    """
    name = f"{results.name}/config.yaml"
    if not (results / "config.yaml").exists():
        raise UserError(
            f"no config file {name}",
            name,
            "check the folder; where only some results were made, ask snakemake for results/config.yaml as well, with "
            "the same --configfile and --config",
        )
    defaults = layers.read_layer(repository / "config" / "config.yaml", "config/config.yaml")
    done = layers.read_layer(results / "config.yaml", name)
    return [Layer(defaults.name, defaults.values | {"sources": {}}, defaults.lines), done]


def given_layer(given: list[str], where: str, example: str) -> Layer:
    """Return ``KEY=VALUE`` settings, the key dotted, the value YAML, as a layer."""
    values: dict[str, Any] = {}
    for setting in given:
        parts, value = read_setting(setting, where, example)
        target = values
        for part in parts[:-1]:
            target = target.setdefault(part, {})
        target[parts[-1]] = value
    return Layer("--config", values, {})


def read_setting(setting: str, where: str, example: str) -> tuple[list[str], Any]:
    """Return the parts of a setting's key, and its value.

    Args:
        setting: ``KEY=VALUE``.
        where: The command it was given to, for errors.
        example: What to write instead, for errors.

    Raises:
        UserError: If it is no setting, or its value no YAML.
    """
    key, separator, text = setting.partition("=")
    parts = key.split(".")
    if not separator or not all(parts):
        raise UserError(f"{setting!r} is no setting", where, example)
    try:
        return parts, yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise UserError(f"cannot read {text!r}", key, f"write the value as YAML ({error})") from None
