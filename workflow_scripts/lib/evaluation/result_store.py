"""Results that were computed before, by the digest of all that they depend on."""

import hashlib
from pathlib import Path

from workflow_scripts.lib import jsonl


def key(*parts: str) -> str:
    return hashlib.sha256("\x1f".join(parts).encode()).hexdigest()


def restore(store: Path, name: str) -> dict | None:
    """Return the stored result, or None. A broken file counts as none."""
    try:
        return jsonl.read_json(store / f"{name}.json")
    except (FileNotFoundError, ValueError):
        return None


def keep(store: Path, name: str, result: dict) -> None:
    jsonl.write_json(store / f"{name}.json", result)
