"""The JSON schema that editors use to complete and check config files."""

from pathlib import Path
from typing import Any

from workflow_scripts.lib.config.layers import Key, read_layer
from workflow_scripts.lib.config.models import Config


def build(defaults: Path) -> dict[str, Any]:
    """Return the schema of a layer: the config models' shape, no key required, comments as descriptions.

    Args:
        defaults: ``config/config.yaml``, where every key stands with its comment.
    """
    schema = Config.model_json_schema(by_alias=True)
    descriptions = _comments(defaults)
    for name, part in {"": schema, **schema["$defs"]}.items():
        part.pop("required", None)  # a layer sets only what it changes
        part.pop("description", None) if not name else None
    _describe(schema, schema, (), descriptions)
    schema["$schema"] = "https://json-schema.org/draft/2020-12/schema"
    schema["title"] = "Tuiqiao config"
    return schema


def _comments(defaults: Path) -> dict[Key, str]:
    """Return the comment behind each key."""
    lines = defaults.read_text(encoding="utf-8").splitlines()
    keys = read_layer(defaults, defaults.name).lines
    found = {key: lines[line - 1].partition(" # ")[2].strip() for key, line in keys.items()}
    return {key: comment for key, comment in found.items() if comment}


def _describe(schema: dict, part: dict, above: Key, descriptions: dict[Key, str]) -> None:
    for name, value in part.get("properties", {}).items():
        key = (*above, name)
        if key in descriptions:
            value["description"] = descriptions[key]
        reference = value.get("$ref")
        if reference:
            definition = schema["$defs"][reference.rsplit("/", 1)[1]]
            _describe(schema, definition, key, descriptions)
