"""What writes replies, by name. A new one is a module here, one line below, its name in ``Drawing``, and its test."""

import importlib
from types import ModuleType

# Module names as text: an edit of one makes nothing stale that another has written.
MODULES: dict[str, str] = {
    "hf": "workflow_scripts.lib.sampling.hf_engine",
    "vllm": "workflow_scripts.lib.sampling.vllm_engine",
}


def select(name: str) -> ModuleType:
    """Return the engine's module: ``load(base, config)`` gives an ``Engine``."""
    return importlib.import_module(MODULES[name])
