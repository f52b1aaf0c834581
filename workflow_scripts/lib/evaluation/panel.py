"""The panel: a few prompts answered by each stage, with automatic measures, for people to read side by side."""

import hashlib
import logging
from statistics import fmean
from typing import Any

import torch

from workflow_scripts.lib.chat_template import Messages, with_system_prompt
from workflow_scripts.lib.config.evaluation import Generation, Panel
from workflow_scripts.lib.config.fields import Count, Section, Whole
from workflow_scripts.lib.config.training import Model
from workflow_scripts.lib.errors import UserError
from workflow_scripts.lib.evaluation.batching import batched
from workflow_scripts.lib.evaluation.checks.registry import run_check
from workflow_scripts.lib.evaluation.repetition import repetition
from workflow_scripts.lib.evaluation.stage import model_settings
from workflow_scripts.lib.generation import Reply, generate
from workflow_scripts.lib.text import han_ratio

log = logging.getLogger(__name__)


class PanelEval(Section):
    generation_batch_size: Count
    panel: Panel


class PanelConfig(Section):
    seed: Whole
    model: Model
    eval: PanelEval
    generation: Generation


def evaluate_panel(model: Any, tokenizer: Any, prompts: list[dict], config: PanelConfig, where: str) -> dict:
    """Return every prompt with its reply and measures, and their summary.

    Args:
        prompts: ``{"id", "theme", "messages"[, "check"]}``.
        where: Name of the prompts' file, for errors.

    Raises:
        UserError: If a prompt lacks a field, an id comes twice, or a check is unknown.
    """
    check_prompts(prompts, where)
    torch.manual_seed(config.seed)
    samples = []
    for batch in batched(prompts, config.eval.generation_batch_size):
        dialogues = [with_system_prompt(prompt["messages"], config.model.system_prompt) for prompt in batch]
        replies = generate(model, tokenizer, dialogues, config.generation, config.eval.panel.max_new_tokens)
        for prompt, dialogue, reply in zip(batch, dialogues, replies, strict=True):
            samples.append(_sample(prompt, dialogue, reply, where))
        log.info("panel: %d of %d prompts answered", len(samples), len(prompts))
    return {
        **summarize(samples),
        "settings": {
            "max_new_tokens": config.eval.panel.max_new_tokens,
            "seed": config.seed,
            "generation": config.generation.model_dump(),
            **model_settings(config.model),
        },
        "samples": samples,
    }


def check_prompts(prompts: list[dict], where: str) -> None:
    """Check the prompts before a model is loaded."""
    seen = set()
    if not prompts:
        raise UserError("no prompts", where, "write at least one, or set eval.panel.enabled: false")
    for number, prompt in enumerate(prompts, start=1):
        line = f"{where}, line {number}"
        missing = [key for key in ("id", "theme", "messages") if not prompt.get(key)]
        if missing:
            raise UserError(f"the prompt has no {missing[0]!r}", line, "give it id, theme and messages")
        if prompt["id"] in seen:
            raise UserError(f"id {prompt['id']!r} comes twice", line, "give every prompt its own id")
        seen.add(prompt["id"])
        if "check" in prompt:
            run_check(prompt["check"], "", line)


def _sample(prompt: dict, dialogue: Messages, reply: Reply, where: str) -> dict:
    sample = {
        "id": prompt["id"],
        "theme": prompt["theme"],
        "reply_id": reply_id(dialogue, reply.text),
        "messages": prompt["messages"],
        "reply": reply.text,
        "characters": len(reply.text),
        "tokens": reply.tokens,
        "stopped": reply.stopped,
        "repetition": round(repetition(reply.text), 6),
        "han_ratio": round(han_ratio(reply.text), 6),
    }
    if "check" in prompt:
        fault = run_check(prompt["check"], reply.text, where)
        sample |= {"check": prompt["check"], "passed": fault is None, "fault": fault}
    return sample


def reply_id(dialogue: Messages, reply: str) -> str:
    """Return the digest under which people's scores of this reply are kept."""
    parts = [part for turn in dialogue for part in (turn["role"], turn["content"])]
    return hashlib.sha256("\x1f".join([*parts, reply]).encode()).hexdigest()


def summarize(samples: list[dict]) -> dict:
    checked = [sample for sample in samples if "check" in sample]
    summary = {
        "prompts": len(samples),
        "characters": round(fmean(sample["characters"] for sample in samples), 3),
        "tokens": round(fmean(sample["tokens"] for sample in samples), 3),
        "stopped": round(fmean(sample["stopped"] for sample in samples), 6),
        "repetition": round(fmean(sample["repetition"] for sample in samples), 6),
        "han_ratio": round(fmean(sample["han_ratio"] for sample in samples), 6),
        "distinct": round(len({sample["reply"] for sample in samples}) / len(samples), 6),
        "checked": len(checked),
    }
    if checked:
        summary["passed"] = round(fmean(sample["passed"] for sample in checked), 6)
    return summary
