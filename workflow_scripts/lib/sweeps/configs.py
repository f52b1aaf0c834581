"""The checked config of each variant of a sweep."""

import functools
import json
from pathlib import Path

from workflow_scripts.lib.config import layers
from workflow_scripts.lib.config.layers import Layer, Settings
from workflow_scripts.lib.errors import UserError
from workflow_scripts.lib.sweeps.definition import Sweep, Variant
from workflow_scripts.lib.workflow import HOW_IT_RUNS

FILE = "variant.yaml"  # in a variant's folder


def load(sweep: Sweep, file: str, repository: Path, names: list[str]) -> dict[str, Settings]:
    """Return the config of each variant, by its name.

    Args:
        sweep: The sweep.
        file: Its file, for errors.
        repository: Folder that holds ``config/``.
        names: Of the layers of ``sweep.base``, as a run in a variant's folder names them.

    Raises:
        UserError: If one of them has unknown keys, wrong types or contradictions, or two are the same.
    """
    read = functools.cache(layers.read_layer)
    base = [read(path, name) for path, name in zip(sweep.base, names, strict=True)]
    found: dict[str, Settings] = {}
    same: dict[str, str] = {}
    for variant in sweep.variants:
        found[variant.name] = settings = _load(variant, base, file, repository, read)
        text = _what_comes_out(settings)
        if text in same:
            raise UserError(
                f"the variants {same[text]} and {variant.name} have the same values",
                _where(variant, file),
                "remove one of them; `execution` and `tracking` change nothing that comes out",
            )
        same[text] = variant.name
    return found


def _load(variant: Variant, base: list[Layer], file: str, repository: Path, read) -> Settings:
    try:
        settings = layers.load_with(repository, [*base, variant.layer], read)
    except UserError as error:
        where = error.where if file in error.where else f"{error.where}, {_where(variant, file)}"
        raise UserError(error.what, where, error.change) from None
    # A run reads these values from the variant's own file, and its results name that.
    layer_of = {key: FILE if name == variant.layer.name else name for key, name in settings.layer_of.items()}
    return Settings(settings.config, layer_of)


def _where(variant: Variant, file: str) -> str:
    return f"{file}, variant {variant.name}"


def _what_comes_out(settings: Settings) -> str:
    values = {name: part for name, part in settings.values().items() if name not in HOW_IT_RUNS}
    return json.dumps(values, sort_keys=True)
