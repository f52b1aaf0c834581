"""What loads and trains the SFT model, by name. A new one is a module here, one line below, and its test."""

import importlib
from types import ModuleType

# Module names as text: one of them imports what the other's environment does not hold.
MODULES: dict[str, str] = {
    "transformers": "workflow_scripts.lib.training.backends.stock",
    "unsloth": "workflow_scripts.lib.training.backends.with_unsloth",
}


def load(name: str) -> ModuleType:
    """Return a backend's module: ``make_trainer`` gives a trainer around the base model with a fresh adapter.

    To be called before transformers, TRL or PEFT are imported: unsloth has to come first.
    """
    return importlib.import_module(MODULES[name])
