"""The adapter that a source names, fit for its use and with checked options."""

from types import ModuleType
from typing import Any

from workflow_scripts.lib.adapters import registry
from workflow_scripts.lib.adapters.options import AdapterOptions
from workflow_scripts.lib.config import options
from workflow_scripts.lib.errors import UserError


def select(source: str, adapter: str, use: str, values: dict[str, Any]) -> tuple[ModuleType, AdapterOptions]:
    """Return the module of an adapter and the source's options for it.

    Raises:
        UserError: If there is no such adapter, it does not serve the use, or its options are wrong.
    """
    module = registry.load(adapter, source)
    if use not in module.USES:
        why_not = getattr(module, "NOT_FOR", {}).get(use, "")
        raise UserError(
            f"adapter {adapter!r} makes rows for {' or '.join(module.USES)}, not for {use}",
            f"sources.{source}.use",
            why_not or "choose another adapter or another use",
        )
    checked = options.checked(module.Options, values, f"sources.{source}.options")
    fields = fields_of(module)
    for name in checked.field_map:
        if name not in fields:
            raise UserError(
                f"adapter {adapter!r} reads no field {name!r}",
                f"sources.{source}.options.field_map.{name}",
                f"{options.hint(name, fields)}write the adapter's name first, then that in the files; "
                f"fields here: {', '.join(fields)}",
            )
    return module, checked


def fields_of(module: ModuleType) -> list[str]:
    """Return the columns that an adapter reads, the required ones of its shapes first."""
    return list(dict.fromkeys([*(name for shape in module.SHAPES for name in shape), *module.OPTIONAL]))
