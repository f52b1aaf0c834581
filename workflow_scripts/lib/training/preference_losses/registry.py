"""The alignment losses by name. A new one is a module here, one line below, its name in ``Align.method``, its test."""

import importlib
from types import ModuleType

# Module names as text: importing them all would align every model anew when one loss is edited.
MODULES: dict[str, str] = {
    "orpo": "workflow_scripts.lib.training.preference_losses.orpo",
    "dpo": "workflow_scripts.lib.training.preference_losses.dpo",
    "simpo": "workflow_scripts.lib.training.preference_losses.simpo",
    "ipo": "workflow_scripts.lib.training.preference_losses.ipo",
}


def load(method: str) -> ModuleType:
    """Return the loss's module.

    ``USES_REFERENCE`` and ``LIKELIHOOD`` (whether the chosen side's likelihood is learned too) are switches, and
    ``terms(pairs, align)`` gives each pair's loss and reward margin, both (batch,).
    """
    return importlib.import_module(MODULES[method])
