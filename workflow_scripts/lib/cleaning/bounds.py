"""The bounds that apply to one source."""

from typing import Any

from workflow_scripts.lib.config.data import Clean, CleanOverrides
from workflow_scripts.lib.config.fields import CountOrZero, Ratio, Section, Switch, optional


class Bounds(Section):
    """Inclusive bounds on measures; None switches one off."""

    min_chars: optional(CountOrZero)
    max_chars: optional(CountOrZero)
    min_tokens: optional(CountOrZero)
    max_tokens: optional(CountOrZero)
    min_han_ratio: optional(Ratio)
    allow_english: Switch
    max_repetition: optional(Ratio)


def effective_bounds(clean: Clean, overrides: CleanOverrides) -> dict[str, Any]:
    """Return the bounds of a source, fit for JSON: its own where it sets them, also to null, else the common ones."""
    own = {name: getattr(overrides, name) for name in overrides.model_fields_set}
    common = {name: getattr(clean, name) for name in Bounds.model_fields}
    return {name: own.get(name, value) for name, value in common.items()}
