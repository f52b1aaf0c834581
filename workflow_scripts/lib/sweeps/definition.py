"""A sweep as its file defines it: the variants, what each of them sets, and which differ by their seed alone."""

import hashlib
import itertools
import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import Field, ValidationError

from workflow_scripts.lib.config import layers
from workflow_scripts.lib.config.fields import Section, Text
from workflow_scripts.lib.config.layers import Key, Layer
from workflow_scripts.lib.errors import UserError

_NAMED = 40  # characters of a value that a variant's name holds
_UNSAFE = re.compile(r"[^\w.+-]+")  # in the name of a folder that people type
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
    for key, choices in found.values.items():
        if not choices:
            raise UserError(f"values.{key} is an empty list", _at(layer, "values", key), "list values, or remove it")
    _check_set_once(found, layer)
    variants = [_variant(found, layer, *chosen) for chosen in _choices(found)]
    if [variant.name for variant in variants] == [""]:
        raise UserError("the sweep has no variants", name, "add `values`, `variants` or `seeds`")
    _check_names(variants, name)
    return Sweep(path.stem, [repository / file for file in found.base], variants)


def _choices(found: SweepFile) -> list[tuple[str | None, Values, int | None]]:
    """Return named set, values and seed of each variant."""
    named = list(found.variants) or [None]
    products = [dict(zip(found.values, chosen, strict=True)) for chosen in itertools.product(*found.values.values())]
    seeds = found.seeds.values if found.seeds else [None]
    return list(itertools.product(named, products, seeds))


def _variant(found: SweepFile, layer: Layer, named: str | None, values: Values, seed: int | None) -> Variant:
    short = _short_names(list(found.values))
    parts = [named] if named else []
    parts += [f"{short[key]}={_text(value)}" for key, value in values.items()]
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
            lines.setdefault(key, layer.lines[places[dotted]])
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
                lines = f"lines {layer.lines[first]} and {layer.lines[second]}"
                raise UserError(f"{other} is set twice", f"{other} ({layer.name}, {lines})", "remove one of them")


def _check_names(variants: list[Variant], file: str) -> None:
    seen = set()
    for variant in variants:
        if variant.name in seen:
            raise UserError(f"two variants have the values {variant.name}", file, "remove one of them")
        if _UNSAFE.search(variant.name.replace("=", "").replace(",", "")) or variant.name.startswith("."):
            raise UserError(
                f"{variant.name!r} is no name of a folder", file, "name variants with letters, digits, - and _"
            )
        seen.add(variant.name)


def _short_names(keys: list[str]) -> dict[str, str]:
    """Return of each key the last parts that tell it apart: ``beta``, or ``align.beta`` beside ``sft.beta``."""
    found = {}
    for key in keys:
        parts = key.split(".")
        ends = [".".join(parts[-count:]) for count in range(1, len(parts) + 1)]
        found[key] = next(end for end in ends if sum(f".{other}".endswith(f".{end}") for other in keys) == 1)
    return found


def _text(value: Any) -> str:
    """Return a value as a part of a folder's name; what does not fit there is told apart by a digest."""
    plain = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, sort_keys=True)
    text = _UNSAFE.sub("-", plain)
    if text == plain and len(text) <= _NAMED:
        return text
    return f"{text[:_NAMED].strip('-')}-{hashlib.sha256(plain.encode()).hexdigest()[:6]}"


def _at(layer: Layer, *key: str) -> str:
    line = next((layer.lines[key[:depth]] for depth in range(len(key), 0, -1) if key[:depth] in layer.lines), None)
    return f"{'.'.join(key)} ({layer.name}{f', line {line}' if line else ''})"


def _user_error(error: ValidationError, layer: Layer) -> UserError:
    problem = error.errors(include_url=False)[0]
    key = tuple(map(str, problem["loc"]))
    if problem["type"] == "extra_forbidden":
        legal = (Seeds if key[0] == "seeds" else SweepFile).model_fields
        return UserError(f"unknown key {key[-1]!r}", _at(layer, *key), f"legal keys here: {', '.join(legal)}")
    return UserError(f"{'.'.join(key)} is {problem['input']!r}", _at(layer, *key), problem["msg"])
