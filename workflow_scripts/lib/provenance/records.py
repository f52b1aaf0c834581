"""What each step was made from and what it made: one JSON file a step, beside the results and apart from the engine."""

import dataclasses
import hashlib
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from workflow_scripts.lib import jsonl

FOLDER = Path("results/provenance")
CODE_FOLDER = FOLDER / "code"  # what each code digest stands for


@dataclass(frozen=True)
class Record:
    """One step's provenance.

    Attributes:
        step: Rule and wildcards, e.g. ``clean_rows poems``.
        key: Digest of all that the outputs follow from.
        command: The command's words.
        code: Digest of the code it ran.
        modules: Module or data file to its digest.
        pins: Package to its pinned version.
        inputs: Path to SHA-256, of the files that the command names.
        outputs: Path to SHA-256.
        seconds: How long the command took when it really ran.
    """

    step: str
    key: str
    command: list[str]
    code: str
    modules: dict[str, str]
    pins: dict[str, str]
    inputs: dict[str, str]
    outputs: dict[str, str]
    seconds: float

    @property
    def config(self) -> dict[str, Any]:
        """What the step saw of the config; empty if it sees nothing of it."""
        return config_of(self.command)


def config_of(command: Sequence[str]) -> dict[str, Any]:
    """Return the value of a command's ``--config``."""
    words = list(command)
    return json.loads(words[words.index("--config") + 1]) if "--config" in words else {}


def record_path(outputs: Sequence[str]) -> Path:
    """Return where the record of the step with these outputs is kept."""
    return FOLDER / f"{outputs[0].removeprefix('results/').replace('../', '')}.json"


def read(path: Path) -> Record | None:
    """Return a record, or None if there is none or it cannot be read (an earlier version's, or a broken disk's)."""
    try:
        return Record(**jsonl.read_json(path))
    except (FileNotFoundError, ValueError, TypeError):
        return None


def begin(path: Path) -> None:
    """Note that a step has begun: until it ends nobody can say what its outputs are."""
    jsonl.write_json(path, {})


def was_cut_off(outputs: Sequence[str]) -> bool:
    """Return whether the step with these outputs was begun here and has not all of them: it failed, or was killed.

    Files of its folder count that the engine does not know, such as a model's weights.
    """
    path = record_path(outputs)
    if not path.exists():
        return False
    record = read(path)
    return record is None or not all(Path(output).exists() for output in {*outputs, *record.outputs})


def write(path: Path, record: Record) -> None:
    jsonl.write_json(path, dataclasses.asdict(record))


def read_all(folder: Path = FOLDER) -> list[Record]:
    """Return the records of all steps."""
    found = (read(path) for path in sorted(folder.rglob("*.json")) if CODE_FOLDER.name not in path.parts)
    return [record for record in found if record is not None]


def file_digest(path: Path) -> str:
    """Return the SHA-256 of a file's bytes, in hex."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def named_inputs(command: Sequence[str], inputs: Iterable[str]) -> list[str]:
    """Return the inputs that a command names, itself or by a folder around them.

    Others only order the steps; their bytes cannot reach the outputs.
    """
    words = set(command)
    return [path for path in inputs if words & {path, *map(str, Path(path).parents)}]


def key_of(command: Sequence[str], code: str, inputs: dict[str, str]) -> str:
    """Return a digest of all that a step's outputs follow from.

    Args:
        command: The command's words, config included.
        code: Digest of the code it runs.
        inputs: Path to SHA-256 of the files it reads.
    """
    return hashlib.sha256(json.dumps([list(command), code, inputs], sort_keys=True).encode()).hexdigest()[:32]
