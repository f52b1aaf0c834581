"""The config of finished results, and the same with other values for what is decided of measured rows."""

from collections.abc import Mapping
from pathlib import Path

from workflow_scripts.lib.cleaning.bounds import Bounds
from workflow_scripts.lib.config import finished, layers
from workflow_scripts.lib.config.data import Source
from workflow_scripts.lib.config.layers import Settings
from workflow_scripts.lib.errors import UserError

_CLEAN = (*Bounds.model_fields, "repetition_ngram")
_OF_SOURCES = ("clean", "weight", "max_rows", "where")
_OF_LINKS = {"near_duplicates": ("threshold", "max_same_replies", "action"), "decontaminate": ("max_overlap",)}
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
    base = finished.layers_of(repository, results)
    for setting in given:
        _check(finished.read_setting(setting, "make what-if", _EXAMPLE)[0])
    own = finished.given_layer(given, "make what-if", _EXAMPLE)
    return layers.merge(base), layers.merge([*base, own])


def check_sources(now: Mapping[str, Source], then: Mapping[str, Source]) -> None:
    """Check that no source is new, whose rows are not measured, and that no evaluation source is gone.

    Raises:
        UserError: If not.
    """
    unknown = {name: f"the rows of {name} are not measured yet" for name in then if name not in now}
    gone = {name for name in now if name not in then and now[name].use == "evaluation"}
    unknown |= {name: f"which rows are held against {name} is not decided from measured rows" for name in gone}
    for name, what in unknown.items():
        raise UserError(what, f"sources.{name}.weight", "change it in the config, and look at `make plan`")


def _check(parts: list[str]) -> None:
    first, second, third = [*parts, "", ""][:3]
    is_source = first == "sources" and third in _OF_SOURCES
    is_rule = first == "clean" and (second in _CLEAN or third in _OF_LINKS.get(second, ()))
    if not (is_source or is_rule or first in ("mix", "split")):
        raise UserError(
            f"{'.'.join(parts)} is not decided from measured rows",
            "make what-if",
            f"ask for clean.({'|'.join([*_CLEAN, *_dotted(_OF_LINKS)])}), mix.*, split.* or "
            f"sources.<name>.({'|'.join(_OF_SOURCES)}); "
            "for anything else, change the config and look at `make plan`",
        )


def _dotted(keys: dict[str, tuple[str, ...]]) -> list[str]:
    return [f"{section}.{key}" for section, names in keys.items() for key in names]
