"""Which files of a repository a URI means."""

import re
from collections.abc import Callable

from workflow_scripts.lib.errors import UserError
from workflow_scripts.lib.sources import splits
from workflow_scripts.lib.sources.globs import matcher
from workflow_scripts.lib.sources.names import check_name, is_hidden
from workflow_scripts.lib.sources.uris import Uri

Card = Callable[[], str | None]

# What transformers needs to load a model; weights in safetensors only. Mistral's `consolidated` are the same weights
# once more, in a format of their own.
_MODEL = re.compile(r"(?!consolidated)[^/]+\.(safetensors|json|jinja|txt|model)")
_EXPORTED = re.compile(r"([^/]+)/([^/]+)/\d{4,}\.parquet")


def select(names: list[str], uri: Uri, card: Card) -> list[str]:
    """Return the names that the URI means, sorted; each is one inside the folder.

    Args:
        names: All files of the repository.
        uri: What is wanted of it.
        card: Gives the text of the repository's README.md, if there is one.

    Raises:
        UserError: If there are none, saying which there are.
    """
    chosen = sorted(_chosen(names, uri, card))
    for name in chosen:
        check_name(name, uri.text)
    return chosen


def _chosen(names: list[str], uri: Uri, card: Card) -> list[str]:
    if not uri.path:
        return _model_files(names, uri)
    if uri.names_files:
        pattern = matcher(uri.path)
        chosen = [name for name in names if pattern.fullmatch(name) and not is_hidden(name)]
        if not chosen:
            raise UserError(f"{uri.package} has no file {uri.path}", uri.text, f"there are: {some(names)}")
        return chosen
    config, _, split = uri.path.partition("/")
    found = _exported(names) or splits.files_of_splits(names, card(), config, uri)
    if config not in found:
        raise UserError(
            f"{uri.package} has no config {config!r}", uri.text, f"its configs and splits are: {_choices(found)}"
        )
    if split not in found[config]:
        raise UserError(
            f"config {config!r} of {uri.package} has no split {split!r}",
            uri.text,
            f"its configs and splits are: {_choices({config: found[config]})}",
        )
    return found[config][split]


def has_configs(card: str | None) -> bool:
    """Tell whether a README.md says which files its configs have."""
    return card is not None and re.search(r"^configs:", card, re.MULTILINE) is not None


def some(names: list[str]) -> str:
    """Return names for a message: all, or the first ones."""
    shown = sorted(name for name in names if not name.startswith("."))
    return ", ".join(shown[:12]) + (f", … ({len(shown)} in all)" if len(shown) > 12 else "")


def _model_files(names: list[str], uri: Uri) -> list[str]:
    chosen = [name for name in names if _MODEL.fullmatch(name)]
    if not any(name.endswith(".safetensors") for name in chosen):
        raise UserError(
            f"{uri.package} has no safetensors weights",
            uri.text,
            f"name a model that has, or a GGUF file of it as {uri.text}/<file>.gguf; there are: {some(names)}",
        )
    return chosen


def _exported(names: list[str]) -> splits.Splits:
    """Return the splits of a repository that is laid out as the hub's own Parquet export; none of any other."""
    found: splits.Splits = {}
    parquet = [name for name in names if name.endswith(".parquet")]
    for name in parquet:
        match = _EXPORTED.fullmatch(name)
        if match is None:
            return {}
        found.setdefault(match[1], {}).setdefault(match[2], []).append(name)
    return found


def _choices(found: splits.Splits) -> str:
    listed = [f"{config}/{split}" for config, parts in found.items() for split in parts or ["…"]]
    return ", ".join(listed[:40]) + (", …" if len(listed) > 40 else "")
