"""Read the config's layers, merge them, check the result, and remember who set each value."""

import difflib
import os
import types
import typing
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from workflow_scripts.lib.config import checks
from workflow_scripts.lib.config.models import Config
from workflow_scripts.lib.errors import UserError

Key = tuple[str, ...]
# What a card has room for: a hardware file lowers these and never raises them.
_CAPPED = (("clean", "max_tokens"), ("sft", "max_length"), ("align", "max_length"))


@dataclass(frozen=True)
class Layer:
    """One place that values come from, e.g. ``config/recipes/tang.yaml`` or ``--config``."""

    name: str
    values: dict[str, Any]
    lines: dict[Key, int]


@dataclass(frozen=True)
class Settings:
    """The checked config and the name of the layer that set each of its values."""

    config: Config
    layer_of: dict[Key, str]

    def values(self) -> dict[str, Any]:
        """Return the config as plain dicts and lists, keys named as in YAML."""
        values = self.config.model_dump(mode="json", by_alias=True)
        for name, source in self.config.sources.items():  # a bound that a source leaves out is not the same as null
            values["sources"][name]["clean"] = source.clean.model_dump(mode="json", exclude_unset=True)
        return values


def load(repository: Path, configfiles: list[Path], arguments: Mapping[str, Any]) -> Settings:
    """Load all layers, later wins: defaults, recipe, hardware, config files, command line.

    Args:
        repository: Folder that holds ``config/``.
        configfiles: Files given with ``--configfile``, in order.
        arguments: Values given with ``--config``; nested ones may be YAML text.

    Raises:
        UserError: If a file is no mapping, names an unknown recipe or hardware, or if the
            result has unknown keys, wrong types, or contradicts itself.
    """
    # Relative: these names stand in results/config.yaml, and Snakemake makes paths absolute.
    own = [read_layer(path, os.path.relpath(path)) for path in configfiles]
    return load_with(repository, [*own, Layer("--config", _nested(arguments), {})], read_layer)


def load_with(repository: Path, own: list[Layer], read: Callable[[Path, str], Layer]) -> Settings:
    """Load the defaults, and recipe and hardware as these layers or else the defaults choose them, below the layers.

    Args:
        repository: Folder that holds ``config/``.
        own: Layers on top, later wins.
        read: ``read_layer``, or the same with a memory where many configs are loaded.
    """
    folder = repository / "config"
    defaults = read(folder / "config.yaml", "config/config.yaml")
    chosen = [
        _chosen_layer(folder, key, kind, [*own[::-1], defaults], read)
        for key, kind in (("recipe", "recipes"), ("hardware", "hardware"))
    ]
    settings = merge([defaults, *chosen, *own])
    checks.check_files(settings.config, repository)
    return settings


def merge(layers: list[Layer]) -> Settings:
    """Merge layers and check the result.

    Mappings are merged by key, everything else is replaced; lengths in a hardware file are caps on the recipe's.
    """
    values: dict[str, Any] = {}
    layer_of: dict[Key, str] = {}
    for layer in layers:
        _merge_into(values, layer.values, layer.name, layer_of, ())
    try:
        config = Config.model_validate(values)
    except ValidationError as error:
        raise _user_error(error, values, layers, layer_of) from None
    checks.check_consistency(config)
    return Settings(config, layer_of)


def read_layer(path: Path, name: str) -> Layer:
    """Read one YAML file with the line of every key.

    Raises:
        UserError: If the file is missing, no YAML, or no mapping.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise UserError(f"no config file {name}", name, "check the path") from None
    except UnicodeDecodeError as error:
        raise UserError(
            f"not UTF-8: byte {error.object[error.start]:#04x} at {error.start}", name, "save the file as UTF-8"
        ) from None
    try:
        node = yaml.compose(text, Loader=yaml.SafeLoader)
        values = yaml.safe_load(text) or {}
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f"{name}, line {mark.line + 1}" if mark else name
        raise UserError(f"not valid YAML: {getattr(error, 'problem', error)}", where, "correct the syntax") from None
    if not isinstance(values, dict):
        raise UserError(f"expected a mapping of keys, found {type(values).__name__}", name, "write `key: value` lines")
    lines: dict[Key, int] = {}
    for key, line in _key_lines(node, ()):
        if key in lines:  # YAML lets the last one win without a word
            where = f"{'.'.join(key)} ({name}, lines {lines[key]} and {line})"
            raise UserError(f"key {key[-1]!r} stands twice", where, "remove one of them")
        lines[key] = line
    return Layer(name, values, lines)


def _key_lines(node: yaml.Node | None, above: Key) -> Iterator[tuple[Key, int]]:
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            yield (*above, key.value), key.start_mark.line + 1
            yield from _key_lines(value, (*above, key.value))


def _chosen_layer(folder: Path, key: str, kind: str, layers: list[Layer], read: Callable[[Path, str], Layer]) -> Layer:
    name = str(next(layer.values[key] for layer in layers if key in layer.values))
    known = sorted(file.stem for file in (folder / kind).glob("*.yaml"))
    if name not in known:
        near = difflib.get_close_matches(name, known, n=1)
        hint = f"did you mean {near[0]}? " if near else ""
        setting = next(layer for layer in layers if key in layer.values)
        where = f"{key} ({setting.name}{f', line {setting.lines[(key,)]}' if setting.lines else ''})"
        raise UserError(f"unknown {key} {name!r}", where, f"{hint}choose one of: {', '.join(known)}")
    return read(folder / kind / f"{name}.yaml", f"config/{kind}/{name}.yaml")


def _nested(arguments: Mapping[str, Any]) -> dict[str, Any]:
    """Read YAML text where a mapping or list belongs: ``align={beta: 0.3}`` arrives as text."""
    values = {}
    for key, value in arguments.items():
        if isinstance(value, str) and value.strip().startswith(("{", "[")):
            try:
                value = yaml.safe_load(value)
            except yaml.YAMLError as error:
                raise UserError(f"cannot read {value!r}", f"--config {key}", f"write it as YAML ({error})") from None
        values[key] = value
    return values


def _merge_into(target: dict, values: Mapping, name: str, layer_of: dict[Key, str], above: Key) -> None:
    for key, value in values.items():
        path = (*above, str(key))
        replaces = path == ("sources",) and name.startswith("config/recipes/")
        if isinstance(value, Mapping) and isinstance(target.get(key), dict) and not replaces:
            _merge_into(target[key], value, name, layer_of, path)
            continue
        is_cap = path in _CAPPED and name.startswith("config/hardware/")
        if is_cap and isinstance(target[key], int) and target[key] <= value:
            continue
        if key in target:
            for old in [old for old in layer_of if old[: len(path)] == path]:
                del layer_of[old]
        if isinstance(value, Mapping):
            target[key] = {}
            _merge_into(target[key], value, name, layer_of, path)
        else:
            target[key] = value
            layer_of[path] = name


def _user_error(error: ValidationError, values: dict, layers: list[Layer], layer_of: dict[Key, str]) -> UserError:
    problems = error.errors(include_url=False)
    problem, key = problems[0], _key_of(problems[0])
    if problem["type"] == "invalid_key":
        return UserError(f"the key {problem['input']!r} is no text", _where(key, layers, layer_of), "put it in quotes")
    if problem["loc"][-1] == "[key]":
        change = "rename it: small letters a-z, digits and _ only, since files and folders are named after it"
        return UserError(f"{key[-1]!r} cannot be a name here", _where(key, layers, layer_of), change)
    found = values
    depth = 0
    for part in key:  # union branches of pydantic's path are no keys of ours
        if isinstance(found, dict) and part in found:
            found, depth = found[part], depth + 1
        else:
            break
    if problem["type"] == "missing":
        return UserError(f"missing key {key[-1]!r}", ".".join(key), "add it; config/config.yaml shows every key")
    if problem["type"] == "extra_forbidden":
        legal = legal_keys(key[:-1])
        near = difflib.get_close_matches(key[-1], legal, n=1, cutoff=0.5)
        change = f"did you mean {near[0]!r}? " if near else ""
        return UserError(
            f"unknown key {key[-1]!r}",
            _where(key, layers, layer_of),
            f"{change}legal keys here: {', '.join(legal)}",
        )
    # Each branch of a union complains; what is missing below this key is another matter.
    same = [other for other in problems if _key_of(other)[:depth] == key[:depth] and other["type"] != "missing"]
    change = ", or: ".join(dict.fromkeys(other["msg"] for other in same))
    if problem["type"] == "model_type":
        change = f"write it as a mapping; legal keys here: {', '.join(legal_keys(key[:depth]))}"
    more = f" ({len(problems) - len(same)} more after this one)" if len(problems) > len(same) else ""
    return UserError(f"{'.'.join(key[:depth])} is {found!r}", _where(key[:depth], layers, layer_of), change + more)


def _key_of(problem: Mapping) -> Key:
    return tuple(str(part) for part in problem["loc"] if not _is_union_branch(part))


def _is_union_branch(part: Any) -> bool:
    return isinstance(part, str) and ("[" in part or part in ("int", "float", "str", "literal"))


def _where(key: Key, layers: list[Layer], layer_of: dict[Key, str]) -> str:
    dotted = ".".join(key)
    for layer in layers[::-1]:
        if key in layer.lines:
            return f"{dotted} ({layer.name}, line {layer.lines[key]})"
        if layer.name == "--config" and key[0] in layer.values and layer_of.get(key, "--config") == "--config":
            return f"{dotted} (--config)"
    return dotted


def legal_keys(above: Key) -> list[str]:
    """Return the keys allowed in the section at this path, e.g. ``("sft", "lora")``."""
    kind: Any = Config
    for part in above:
        kind = _type_of_value(kind, part)
    return [field.alias or name for name, field in getattr(kind, "model_fields", {}).items()]


def _type_of_value(kind: Any, key: str) -> Any:
    if typing.get_origin(kind) is dict:
        return typing.get_args(kind)[1]
    for name, field in getattr(kind, "model_fields", {}).items():
        if key == (field.alias or name):
            branches = [b for b in typing.get_args(field.annotation) if b is not types.NoneType]
            is_union = typing.get_origin(field.annotation) in (typing.Union, types.UnionType)
            return branches[0] if is_union else field.annotation
    return None
