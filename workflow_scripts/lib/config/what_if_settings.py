"""The config of finished results, and the same with other values for what is decided of measured rows."""

from pathlib import Path

from workflow_scripts.lib.cleaning.bounds import Bounds
from workflow_scripts.lib.config import finished, layers
from workflow_scripts.lib.config.layers import Settings
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
    base = finished.layers_of(repository, results)
    for setting in given:
        _check(finished.read_setting(setting, "make what-if", _EXAMPLE)[0])
    own = finished.given_layer(given, "make what-if", _EXAMPLE)
    return layers.merge(base), layers.merge([*base, own])


def _check(parts: list[str]) -> None:
    is_source = parts[0] == "sources" and len(parts) > 2 and parts[2] in _OF_SOURCES
    if not (
        is_source or parts[0] in ("mix", "split") or (parts[0] == "clean" and len(parts) > 1 and parts[1] in _CLEAN)
    ):
        raise UserError(
            f"{'.'.join(parts)} is not decided from measured rows",
            "make what-if",
            f"ask for clean.({'|'.join(_CLEAN)}), mix.*, split.* or sources.<name>.({'|'.join(_OF_SOURCES)}); "
            "for anything else, change the config and look at `make plan`",
        )
