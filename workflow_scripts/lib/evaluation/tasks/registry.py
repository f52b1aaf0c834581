"""Harness tasks built from the test split, by name. A new one is a module here, one line below, and its test."""

import importlib
from types import ModuleType

# Module names as text: importing them all would make every task stale when one of them is edited.
MODULES: dict[str, str] = {
    "poem_continuation": "workflow_scripts.lib.evaluation.tasks.poem_continuation",
}


def load(name: str) -> ModuleType:
    """Return the task's module: ``build_rows(rows, seed)`` and ``definition(data_file)``."""
    return importlib.import_module(MODULES[name])
