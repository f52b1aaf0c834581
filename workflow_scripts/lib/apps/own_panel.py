"""A panel of one's own: prompts that a person met in use and wants every stage to be asked."""

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path

from workflow_scripts.lib import jsonl
from workflow_scripts.lib.apps import lasting_lines
from workflow_scripts.lib.chat_template import Messages
from workflow_scripts.lib.config.fields import Section
from workflow_scripts.lib.errors import UserError

THEME = "自选"
NUM_EXAMPLES = 4


class PanelPrompt(Section):
    id: str
    theme: str
    messages: Messages


@dataclass(frozen=True)
class Added:
    """What became of a prompt.

    Attributes:
        new: False: the panel has it already.
        file: Where it is.
        prompts: Number of prompts in that file now.
        counts: Whether that file is the panel of the results.
    """

    new: bool
    file: Path
    prompts: int
    counts: bool


class OwnPanel:
    """A file of prompts that begins as a copy of the panel that the results were made with.

    So it can take that panel's place in the config, and no shipped file is edited.

    Args:
        folder: Where the file of the panel's own name is, or will be.
        shipped: Panel of the results.
    """

    def __init__(self, folder: Path, shipped: Path) -> None:
        self.path, self.shipped = folder / shipped.name, shipped

    def examples(self) -> list[str]:
        """Return prompts of the results' panel that are a question without more around it."""
        prompts = _prompts(self.shipped) if self.shipped.exists() else []
        return [prompt["messages"][0]["content"] for prompt in prompts if len(prompt["messages"]) == 1][:NUM_EXAMPLES]

    def add(self, messages: Messages) -> Added:
        """Add a prompt unless it is there.

        Raises:
            UserError: If a line of the file is no prompt.
            OSError: If the disk refuses.
        """
        there = self.path if self.path.exists() else self.shipped
        present = _prompts(there) if there.exists() else []
        if any(prompt.get("messages") == messages for prompt in present):
            return Added(False, there, len(present), self._counts(there))
        if there != self.path:
            jsonl.write_rows(self.path, present)
        name = hashlib.sha256(json.dumps(messages).encode()).hexdigest()[:12]
        lasting_lines.append(self.path, PanelPrompt(id=f"own-{name}", theme=THEME, messages=messages))
        return Added(True, self.path, len(present) + 1, self._counts(self.path))

    def _counts(self, path: Path) -> bool:
        return path.resolve() == self.shipped.resolve()


def _prompts(path: Path) -> list[dict]:
    found = []
    for number, line in enumerate(path.read_bytes().splitlines(), start=1):
        try:
            prompt = json.loads(line)
        except ValueError:  # bytes that are not UTF-8 too
            prompt = None
        if not isinstance(prompt, dict):
            raise UserError("not a JSON object", f"{path.name}, line {number}", "correct or remove the line")
        found.append(prompt)
    return found
