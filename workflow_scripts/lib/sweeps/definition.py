"""A sweep as its file defines it: the variants, what each of them sets, and which differ by their seed alone."""

import itertools
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import Field, ValidationError

from workflow_scripts.lib.config import layers
from workflow_scripts.lib.config.fields import Section, Text
from workflow_scripts.lib.config.layers import Key, Layer
from workflow_scripts.lib.errors import UserError
from workflow_scripts.lib.sweeps import naming

Values = dict[str, Any]  # dotted key -> value


class Seeds(Section):
    """Seeds, and the keys that each of them is set under."""

    keys: list[Text] = Field(min_length=1)
    values: list[int] = Field(min_length=1)


class SweepFile(Section):
    """What a file of ``config/sweeps/`` holds; a key left out adds nothing."""

    base: list[Text] = Field(default=[])
    set: Values = Field(default={})
    values: dict[str, list[Any]] = Field(default={})
    variants: dict[str, Values] = Field(default={})
    seeds: Seeds | None = None


@dataclass(frozen=True)
class Variant:
    """One config of a sweep.

    Attributes:
        name: Of its folder.
        group: Its name without the seed.
        seed: None where the sweep has no seeds.
        told: What sets it apart, dotted keys; the seed too.
        layer: All that it sets, with the lines of the sweep's file.
    """

    name: str
    group: str
    seed: int | None
    told: Values
    layer: Layer


@dataclass(frozen=True)
class Sweep:
    """A sweep: its name, the config files below all variants, and the variants."""

    name: str
    base: list[Path]
    variants: list[Variant]


def read(path: Path, repository: Path) -> Sweep:
    """Read a sweep.

    Args:
        path: Its file.
        repository: What ``base`` names files of.

    Raises:
        UserError: If the file is no sweep, names no variants, or sets one key twice.
    """
    name = f"{path.parent.parent.name}/{path.parent.name}/{path.name}"
    layer = layers.read_layer(path, name)
    try:
        found = SweepFile.model_validate(layer.values)
    except ValidationError as error:
        raise _user_error(error, layer) from None
    for file in found.base:
        if not (repository / file).is_file():
            raise UserError(f"no config file {file}", _at(layer, "base"), "name it relative to the repository")
    for key, choices in found.values.items():
        if not choices:
            raise UserError(f"values.{key} is an empty list", _at(layer, "values", key), "list values, or remove it")
    _check_set_once(found, layer)
    variants = [_variant(found, layer, *chosen) for chosen in _choices(found)]
    if [variant.name for variant in variants] == [""]:
        raise UserError("the sweep has no variants", name, "add `values`, `variants` or `seeds`")
    naming.check([variant.name for variant in variants], name)
    return Sweep(path.stem, [repository / file for file in found.base], variants)


def _choices(found: SweepFile) -> list[tuple[str | None, Values, int | None]]:
    """Return named set, values and seed of each variant."""
    named = list(found.variants) or [None]
    products = [dict(zip(found.values, chosen, strict=True)) for chosen in itertools.product(*found.values.values())]
    seeds = found.seeds.values if found.seeds else [None]
    return list(itertools.product(named, products, seeds))


def _variant(found: SweepFile, layer: Layer, named: str | None, values: Values, seed: int | None) -> Variant:
    short = naming.short_names(list(found.values))
    parts = [named] if named else []
    parts += [f"{short[key]}={naming.text(value)}" for key, value in values.items()]
    group = ",".join(parts)
    parts += [f"seed={seed}"] if seed is not None else []
    own = found.variants[named] if named else {}
    seeds = dict.fromkeys(found.seeds.keys, seed) if found.seeds else {}
    places = {key: ("set", key) for key in found.set} | {key: ("values", key) for key in values}
    places |= {key: ("variants", named, key) for key in own} | dict.fromkeys(seeds, ("seeds", "keys"))
    told = own | values | seeds
    return Variant(",".join(parts), group, seed, told, _nested(found.set | told, places, layer))


def _nested(values: Values, places: dict[str, Key], layer: Layer) -> Layer:
    """Return dotted values as a layer of the config, each with the line that it stands in."""
    nested: dict[str, Any] = {}
    lines: dict[Key, int] = {}
    for dotted, value in values.items():
        *above, last = path = tuple(dotted.split("."))
        target = nested
        for part in above:
            target = target.setdefault(part, {})
        target[last] = value
        for key in [*(path[:depth] for depth in range(1, len(path))), *_keys(value, path)]:
            lines.setdefault(key, _line(layer, places[dotted]))
    return Layer(layer.name, nested, lines)


def _keys(value: Any, above: Key) -> list[Key]:
    below = value.items() if isinstance(value, dict) else ()
    return [above, *(key for name, part in below for key in _keys(part, (*above, str(name))))]


def _check_set_once(found: SweepFile, layer: Layer) -> None:
    """Refuse keys that two parts of the sweep set: which of them counts is nothing that a reader should look up."""
    common = [(("set", key), key) for key in found.set] + [(("values", key), key) for key in found.values]
    common += [(("seeds", "keys"), key) for key in (found.seeds.keys if found.seeds else [])]
    own = [[(("variants", name, key), key) for key in values] for name, values in found.variants.items()]
    for places in [common, *([*common, *each] for each in own)]:
        for (first, key), (second, other) in itertools.combinations(places, 2):
            if key == other or other.startswith(f"{key}.") or key.startswith(f"{other}."):
                lines = f"lines {_line(layer, first)} and {_line(layer, second)}"
                raise UserError(f"{other} is set twice", f"{other} ({layer.name}, {lines})", "remove one of them")


def _at(layer: Layer, *key: str) -> str:
    return f"{'.'.join(key)} ({layer.name}, line {_line(layer, key)})"


def _line(layer: Layer, key: Key) -> int:
    """Return the line of a key, or of what it stands in: what YAML merges in (``<<``) has none."""
    return next((layer.lines[key[:depth]] for depth in range(len(key), 0, -1) if key[:depth] in layer.lines), 1)


def _user_error(error: ValidationError, layer: Layer) -> UserError:
    problem = error.errors(include_url=False)[0]
    key = tuple(map(str, problem["loc"]))
    if problem["type"] == "extra_forbidden":
        legal = (Seeds if key[0] == "seeds" else SweepFile).model_fields
        return UserError(f"unknown key {key[-1]!r}", _at(layer, *key), f"legal keys here: {', '.join(legal)}")
    return UserError(f"{'.'.join(key)} is {problem['input']!r}", _at(layer, *key), problem["msg"])
