"""Replies to a few fixed prompts at every validation: a loss does not show a model that rambles or repeats itself."""

import logging
from collections.abc import Iterable
from itertools import islice
from statistics import fmean
from typing import Any

from workflow_scripts.lib.chat_template import Messages, with_system_prompt
from workflow_scripts.lib.config.generation import Generation
from workflow_scripts.lib.evaluation.repetition import repetition
from workflow_scripts.lib.generation import generate

log = logging.getLogger(__name__)
MAX_NEW_TOKENS = 64
_GREEDY = Generation(do_sample=False, temperature=1.0, top_p=1.0, repetition_penalty=1.0, no_repeat_ngram_size=0)


class WatchedReplies:
    """Greedy replies to the prompts of the first validation rows; draws nothing at random.

    Args:
        tokenizer: With the chat template that is trained.
        rows: Validation rows of dialogues or pairs.
        number: How many replies.
        system_prompt: As in training.
    """

    def __init__(self, tokenizer: Any, rows: Iterable[dict], number: int, system_prompt: str | None) -> None:
        self.tokenizer = tokenizer
        self.prompts = [with_system_prompt(_prompt(row), system_prompt) for row in islice(rows, number)]

    def __call__(self, model: Any) -> tuple[dict[str, float], list[str]]:
        """Return mean tokens and repetition (0-1), the share that stopped by itself, and the texts."""
        if not self.prompts:
            return {}, []
        replies = generate(model, self.tokenizer, self.prompts, _GREEDY, MAX_NEW_TOKENS)
        figures = {
            "reply_tokens": fmean(reply.tokens for reply in replies),
            "reply_repetition": fmean(repetition(reply.text) for reply in replies),
            "reply_stopped": fmean(reply.stopped for reply in replies),
        }
        log.info("replies: %.0f tokens, repetition %.2f, %.0f%% stopped", *_shown(figures))
        for prompt, reply in zip(self.prompts, replies, strict=True):
            log.info("  %s → %s", _line(prompt[-1]["content"]), _line(reply.text))
        return figures, [reply.text for reply in replies]


def _prompt(row: dict) -> Messages:
    if "prompt" in row:
        return row["prompt"]
    messages = row["messages"]
    return messages[: max(at for at, message in enumerate(messages) if message["role"] == "assistant")]


def _shown(figures: dict[str, float]) -> tuple[float, float, float]:
    return figures["reply_tokens"], figures["reply_repetition"], 100 * figures["reply_stopped"]


def _line(text: str, most: int = 60) -> str:
    text = " ".join(text.split())
    return text if len(text) <= most else text[: most - 1] + "…"
