"""The config of finished results, and the same with other values for what is decided of measured rows."""

from pathlib import Path
from typing import Any

import yaml

from workflow_scripts.lib.cleaning.bounds import Bounds
from workflow_scripts.lib.config import layers
from workflow_scripts.lib.config.layers import Layer, Settings
from workflow_scripts.lib.errors import UserError

_CLEAN = (*Bounds.model_fields, "repetition_ngram")
_OF_SOURCES = ("clean", "weight", "max_rows", "where")
_EXAMPLE = "write KEY=VALUE, such as clean.max_repetition=0.5"


def load(repository: Path, results: Path, given: list[str]) -> tuple[Settings, Settings]:
    """Return the settings of the results, and those with the given ones on top.

    Args:
        repository: Folder that holds ``config/``.
        results: Folder of the results.
        given: ``KEY=VALUE`` each, the key dotted, the value YAML.

    Raises:
        UserError: If a setting is none, or decides something that is not told from measured rows.
    """
    defaults = layers.read_layer(repository / "config" / "config.yaml", "config/config.yaml")
    done = layers.read_layer(results / "config.yaml", f"{results.name}/config.yaml")
    values: dict[str, Any] = {}
    for setting in given:
        _put(values, *_read(setting))
    base = [Layer(defaults.name, defaults.values | {"sources": {}}, defaults.lines), done]
    return layers.merge(base), layers.merge([*base, Layer("--config", values, {})])


def _read(setting: str) -> tuple[list[str], Any]:
    key, separator, text = setting.partition("=")
    parts = key.split(".")
    if not separator or not all(parts):
        raise UserError(f"{setting!r} is no setting", "make what-if", _EXAMPLE)
    is_source = parts[0] == "sources" and len(parts) > 2 and parts[2] in _OF_SOURCES
    if not (
        is_source or parts[0] in ("mix", "split") or (parts[0] == "clean" and len(parts) > 1 and parts[1] in _CLEAN)
    ):
        raise UserError(
            f"{key} is not decided from measured rows",
            "make what-if",
            f"ask for clean.({'|'.join(_CLEAN)}), mix.*, split.* or sources.<name>.({'|'.join(_OF_SOURCES)}); "
            "for anything else, change the config and look at `make plan`",
        )
    try:
        return parts, yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise UserError(f"cannot read {text!r}", key, f"write the value as YAML ({error})") from None


def _put(values: dict[str, Any], parts: list[str], value: Any) -> None:
    for part in parts[:-1]:
        values = values.setdefault(part, {})
    values[parts[-1]] = value
