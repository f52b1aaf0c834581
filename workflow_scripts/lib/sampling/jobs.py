"""Which replies are to be written, and in which batches: a function of rows and config, not of what was done before."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from workflow_scripts.lib.chat_template import Messages, encode_prompt, with_system_prompt


@dataclass(frozen=True)
class Prompt:
    """What a row asks, as token ids."""

    row_id: str
    ids: list[int]


@dataclass(frozen=True)
class Job:
    """One reply to be written: the ``sample``-th to a prompt."""

    prompt: Prompt
    sample: int

    @property
    def key(self) -> tuple[str, int]:
        return self.prompt.row_id, self.sample


def question(row: dict[str, Any]) -> Messages:
    """Return a row's dialogue without the reply at its end."""
    messages = row["messages"]
    return messages[:-1] if messages[-1]["role"] == "assistant" else messages


def prompt_of(tokenizer: Any, row: dict[str, Any], system_prompt: str | None) -> Prompt:
    """Return the prompt as training and evaluation have it."""
    return Prompt(row["id"], encode_prompt(tokenizer, with_system_prompt(question(row), system_prompt)))


def batches(prompts: list[Prompt], num_samples: int, batch_size: int) -> Iterator[list[Job]]:
    """Yield the jobs in batches, those with prompts of like length together: that spares padding."""
    ordered = sorted(prompts, key=lambda prompt: (len(prompt.ids), prompt.row_id))
    jobs = [Job(prompt, sample) for prompt in ordered for sample in range(num_samples)]
    for start in range(0, len(jobs), batch_size):
        yield jobs[start : start + batch_size]
