"""The adapters by name. A new one is a module here, one line below, and its test."""

import importlib
from types import ModuleType

from workflow_scripts.lib.adapters.options import hint
from workflow_scripts.lib.errors import UserError

# Module names as text: importing them all would make every source stale when one adapter is edited.
MODULES: dict[str, str] = {
    "alpaca": "workflow_scripts.lib.adapters.alpaca",
    "chinese_poetry": "workflow_scripts.lib.adapters.chinese_poetry",
    "derived_pairs": "workflow_scripts.lib.adapters.derived_pairs",
    "messages": "workflow_scripts.lib.adapters.messages",
    "preference": "workflow_scripts.lib.adapters.preference",
    "prompt_completion": "workflow_scripts.lib.adapters.prompt_completion",
    "sharegpt": "workflow_scripts.lib.adapters.sharegpt",
}


def load(name: str, source: str) -> ModuleType:
    """Return the adapter's module: ``USES``, ``Options``, ``columns(options)``, ``convert(rows, options, context)``.

    Raises:
        UserError: If there is no adapter of that name.
    """
    if name not in MODULES:
        raise UserError(
            f"unknown adapter {name!r}",
            f"sources.{source}.adapter",
            f"{hint(name, MODULES)}choose one of: {', '.join(sorted(MODULES))}",
        )
    return importlib.import_module(MODULES[name])
