"""The verifiers by name. A new one is a module here, one line below, and its test."""

import importlib
from types import ModuleType
from typing import Any

from workflow_scripts.lib.config import options
from workflow_scripts.lib.errors import UserError
from workflow_scripts.lib.verifiers.base import VerifierOptions

# Module names as text: importing them all would make every sampled row stale when one verifier is edited.
MODULES: dict[str, str] = {
    "exact_match": "workflow_scripts.lib.verifiers.exact_match",
    "json_schema": "workflow_scripts.lib.verifiers.json_reply",
    "legal_judgement": "workflow_scripts.lib.verifiers.legal_judgement",
    "multiple_choice": "workflow_scripts.lib.verifiers.multiple_choice",
    "number": "workflow_scripts.lib.verifiers.number",
    "poem_form": "workflow_scripts.lib.verifiers.poem_form",
    "regex": "workflow_scripts.lib.verifiers.regular_expression",
}


def select(name: str, values: dict[str, Any], section: str) -> tuple[ModuleType, VerifierOptions]:
    """Return a verifier's module and its checked options.

    The module has ``Options``, ``verify(reply, gold, options)``, which is a pure function, and ``columns(row)``: what
    stands before the reply in sampled rows.

    Args:
        name: Of the verifier.
        values: Its options as configured.
        section: Of the config that chooses it, for errors: ``<section>.verifier``, ``<section>.verifier_options``.

    Raises:
        UserError: If there is no verifier of that name, or its options are wrong.
    """
    if name not in MODULES:
        raise UserError(
            f"unknown verifier {name!r}",
            f"{section}.verifier",
            f"{options.hint(name, MODULES)}choose one of: {', '.join(sorted(MODULES))}",
        )
    module = importlib.import_module(MODULES[name])
    return module, options.checked(module.Options, values, f"{section}.verifier_options")
