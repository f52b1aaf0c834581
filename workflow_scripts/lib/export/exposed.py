"""What must not leave the house: pickles, tokens and paths of this machine in files that are to be published."""

import json
import re
import struct
from collections.abc import Iterator
from pathlib import Path

_PICKLES = (".bin", ".pt", ".pth", ".pkl", ".pickle", ".ckpt", ".npy", ".joblib")
_TEXTS = (".json", ".md", ".jinja", ".txt", ".yaml", ".csv", ".svg", ".html")
_VOCABULARIES = ("tokenizer.json", "vocab.json", "merges.txt")  # in which any string may stand
_TOKEN = re.compile(r"\b(hf_[A-Za-z0-9]{16,}|sk-[A-Za-z0-9_-]{20,}|gh[pousr]_[A-Za-z0-9]{30,}|ms-[0-9a-f-]{32,})")
_ROOTS = "home|root|Users|tmp|mnt|data|workspace|opt|var|private|scratch"
_PATH = re.compile(rf"(?<![\w.:/<])(/(?:{_ROOTS})/[\w.\-/]+|[A-Z]:\\\\?[\w.\- ]+\\)")


def exposures(files: list[Path], secrets: list[str], places: list[Path]) -> Iterator[str]:
    """Yield what is wrong with files that are to be published, in words; no secret is repeated.

    Args:
        files: To look through.
        secrets: Texts that must not be in them, such as the token of the one who publishes.
        places: Folders of this machine, wherever it has them.
    """
    yield from secrets_in(files, secrets)
    own = [rf"(?<![\w.:/<])({re.escape(str(place))})(?![\w.\-])" for place in places if len(place.parts) > 1]
    patterns = [_PATH, *map(re.compile, own)]
    for path in files:
        text = "" if path.name in _VOCABULARIES else _text(path)
        found = next((match for pattern in patterns if (match := pattern.search(text))), None)
        if found:
            yield f"{path.name} holds a path of this machine: {found[1]}"


def secrets_in(files: list[Path], secrets: list[str]) -> Iterator[str]:
    """Yield what is wrong with files even where only the user's own people read them: pickles and tokens."""
    for path in files:
        if path.suffix in _PICKLES:
            yield f"{path.name} may hold a pickle, which runs code when it is loaded"
            continue
        text = _text(path)
        if _TOKEN.search(text) or any(secret and secret in text for secret in secrets):
            yield f"{path.name} holds an access token"


def _text(path: Path) -> str:
    if path.suffix == ".safetensors":
        with path.open("rb") as stream:
            (length,) = struct.unpack("<Q", stream.read(8))
            return json.dumps(json.loads(stream.read(length)).get("__metadata__", {}))
    return path.read_text(encoding="utf-8", errors="replace") if path.suffix in _TEXTS else ""
