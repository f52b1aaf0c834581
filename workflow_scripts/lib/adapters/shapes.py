"""What to say of a file whose columns an adapter does not know."""

from collections.abc import Iterable
from types import ModuleType
from typing import Any

from workflow_scripts.lib.adapters import registry
from workflow_scripts.lib.adapters.selection import fields_of


def fits(module: ModuleType, row: dict[str, Any]) -> bool:
    """Tell whether a row has the columns of one of the adapter's shapes."""
    if any(row.keys() >= set(shape) for shape in module.SHAPES):
        return True
    return hasattr(module, "fits") and module.fits(row)


def expected(module: ModuleType) -> str:
    """Return the columns of every shape, in words."""
    return "; or ".join(", ".join(shape) for shape in module.SHAPES)


def listed(names: Iterable[str]) -> str:
    """Return names, those with what cannot be seen (a space before, a BOM) as literals."""
    names = [(name if name.isprintable() and name.strip() == name else repr(name))[:40] for name in names]
    return ", ".join(names[:20]) + (f" and {len(names) - 20} more" if len(names) > 20 else "")


def nearest(columns: set[str], use: str) -> str:
    """Return in words which adapters read these columns, or else which one comes nearest."""
    modules = {name: registry.load(name, "") for name in registry.MODULES}
    sizes = {
        name: max((len(s) for s in module.SHAPES if columns >= set(s)), default=0) for name, module in modules.items()
    }
    best = max(sizes.values())
    if best:
        names = sorted(name for name, size in sizes.items() if size == best)
        serving = [name for name in names if use in modules[name].USES]
        told = ", ".join((serving or names)[:4])
        if serving:
            return f"these columns are read by the adapter {told}"
        uses = " and ".join(modules[names[0]].USES)
        why_not = getattr(modules[names[0]], "NOT_FOR", {}).get(use, "")
        return f"these columns are read by the adapter {told}, for {uses} only{': ' + why_not if why_not else ''}"
    shares = {
        (len(columns & set(shape)) / len(shape), use in module.USES, len(columns & set(fields_of(module))), name): shape
        for name, module in modules.items()
        for shape in module.SHAPES
    }
    key = max(shares, key=lambda each: (each[:3], [-ord(letter) for letter in each[3]]))
    if not key[0]:
        return "no adapter reads any of these columns: name those that it needs with options.field_map"
    missing = [name for name in shares[key] if name not in columns]
    return (
        f"the nearest adapter is {key[3]}, which needs {', '.join(missing)} too: "
        "name the columns with options.field_map"
    )
