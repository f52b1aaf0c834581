"""The rules of cleaning that apply to one source, divided among the steps that need them."""

from typing import Any

from workflow_scripts.lib.config.data import Clean, CleanOverrides, Languages, PersonalData, Reasoning, Refusals
from workflow_scripts.lib.config.fields import CountOrZero, Ratio, Section, Switch, Text, optional

OWN_BLOCKLISTS = ("terror", "explicit", "privacy")  # blocklists.<name>.txt beside this module


class Bounds(Section):
    """What the filters compare measures with, inclusive; None switches one off."""

    min_chars: optional(CountOrZero)
    max_chars: optional(CountOrZero)
    min_tokens: optional(CountOrZero)
    max_tokens: optional(CountOrZero)
    languages: optional(Languages)
    min_han_ratio: optional(Ratio)
    allow_english: Switch
    max_english_ratio: optional(Ratio)
    max_repetition: optional(Ratio)
    max_mojibake: optional(Ratio)
    blocklists: list[Text]
    pii: PersonalData
    reasoning: Reasoning
    refusals: Refusals


def effective_bounds(clean: Clean, overrides: CleanOverrides) -> dict[str, Any]:
    """Return the bounds of a source, fit for JSON: its own where it sets them, also to null, else the common ones."""
    own = {name: getattr(overrides, name) for name in overrides.model_fields_set}
    common = {name: getattr(clean, name) for name in Bounds.model_fields}
    return {name: own.get(name, value) for name, value in common.items()}


def edits_of(bounds: dict[str, Any]) -> dict[str, bool]:
    """Return what standardizing changes of the text, so that hashes and measures are those of what is trained on."""
    return {"mask_personal_data": bounds["pii"] == "mask", "strip_reasoning": bounds["reasoning"] == "strip"}


def blocklist_files(bounds: dict[str, Any]) -> list[str]:
    """Return the lists that are files of the user; our own are always measured."""
    return [name for name in bounds["blocklists"] if name not in OWN_BLOCKLISTS]
