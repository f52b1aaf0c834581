"""Made-up quatrains, raw files, and a tokenizer of single characters."""

import json
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tokenizers import Regex, Tokenizer, models, pre_tokenizers

from workflow_scripts.lib.adapters.standardizing import Standardization, standardize
from workflow_scripts.lib.readers.pieces import whole
from workflow_scripts.lib.records import Drop

_INSTRUCTIONS = ["续写：{couplet}", "{couplet}请接着写。"]
POEM_OPTIONS: dict[str, Any] = {"forms": ["quatrain5"], "share": [0.0, 0.7], "instructions": _INSTRUCTIONS}
NO_PARTS = ["--part-rows", "--part-drops", "--part-sums"]
PAIR_OPTIONS: dict[str, Any] = POEM_OPTIONS | {"share": [0.7, 1.0], "other_form": 0.5}


def standardized(files: list[Path], adapter: str, use: str, options: dict[str, Any]) -> list[dict | Drop]:
    """Return the rows and drops of raw files, in order."""
    source = {"use": use, "adapter": adapter, "options": options}
    return list(standardize("s", whole(files), Standardization.model_validate({"seed": 42, "source": source})))


def reason(result: dict | Drop) -> tuple[str, str]:
    assert isinstance(result, Drop), result
    return result.reason, result.detail


@pytest.fixture(autouse=True)
def _keep_logging(monkeypatch: pytest.MonkeyPatch) -> None:
    """Scripts set up the process's logging when they start; in tests it stays pytest's."""
    monkeypatch.setattr("workflow_scripts.lib.logs.start", lambda: None)


@pytest.fixture(scope="session")
def poems() -> list[dict]:
    """Four hundred five-character and four hundred seven-character quatrains of random Han characters."""
    draws = random.Random(7)

    def couplet(characters: int) -> str:
        first, second = ("".join(chr(draws.randrange(0x4E00, 0x9F00)) for _ in range(characters)) for _ in range(2))
        return f"{first}，{second}。"

    return [
        {
            "author": "某甲",
            "paragraphs": [couplet(characters), couplet(characters)],
            "title": f"無題{number}",
            "id": "x",
        }
        for number in range(400)
        for characters in (5, 7)
    ]


@pytest.fixture
def write(tmp_path: Path) -> Callable[..., Path]:
    """Write a file below the test's folder: bytes and text as they are, anything else as JSON."""

    def write(name: str, content: Any) -> Path:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if not isinstance(content, (bytes, str)):
            content = json.dumps(content)  # escaped: lone surrogates can be written
        path.write_bytes(content if isinstance(content, bytes) else content.encode("utf-8"))
        return path

    return write


@pytest.fixture
def tokenizer(tmp_path: Path) -> Path:
    """A tokenizer for which every character is one token."""
    made = Tokenizer(models.WordLevel({"?": 0}, unk_token="?"))
    made.pre_tokenizer = pre_tokenizers.Split(Regex(r"[\s\S]"), "isolated")
    path = tmp_path / "tokenizer.json"
    made.save(str(path))
    return path
