"""The panel: a few prompts answered by each stage, with automatic measures, for people to read side by side."""

import hashlib
import logging
from collections import Counter
from statistics import fmean
from typing import Any

import torch

from workflow_scripts.lib.chat_template import Messages, with_system_prompt
from workflow_scripts.lib.config.evaluation import Panel
from workflow_scripts.lib.config.fields import Count, Section, Whole
from workflow_scripts.lib.config.generation import Generation
from workflow_scripts.lib.config.training import Model
from workflow_scripts.lib.errors import UserError
from workflow_scripts.lib.evaluation.answering import answered
from workflow_scripts.lib.evaluation.checks.registry import failing_means, run_check
from workflow_scripts.lib.evaluation.failure_guess import guess
from workflow_scripts.lib.evaluation.failure_types import FAILURES
from workflow_scripts.lib.evaluation.repetition import repetition
from workflow_scripts.lib.evaluation.stage import model_settings
from workflow_scripts.lib.generation import Reply
from workflow_scripts.lib.text import LANGUAGES, han_ratio, language

log = logging.getLogger(__name__)
ANY = "any"  # a prompt's language: code, or JSON with English keys, is in none


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
        prompts: ``{"id", "theme", "messages"[, "check"][, "language"]}``; without ``language`` a reply should be in
            that of what the user said last.
        where: Name of the prompts' file, for errors.

    Raises:
        UserError: If a prompt lacks a field, an id comes twice, or a check is unknown.
    """
    check_prompts(prompts, where)
    torch.manual_seed(config.seed)
    samples = []

    def dialogue_of(prompt: dict) -> Messages:
        return with_system_prompt(prompt["messages"], config.model.system_prompt)

    tokens, size = config.eval.panel.max_new_tokens, config.eval.generation_batch_size
    for batch, replies in answered(model, tokenizer, prompts, dialogue_of, config.generation, tokens, size):
        for prompt, reply in zip(batch, replies, strict=True):
            samples.append(_sample(prompt, dialogue_of(prompt), reply, where))
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
        if prompt.get("language", ANY) not in (*LANGUAGES, ANY):
            choice = ", ".join((*LANGUAGES, ANY))
            raise UserError(f"unknown language {prompt['language']!r}", line, f"choose one of: {choice}")


def _sample(prompt: dict, dialogue: Messages, reply: Reply, where: str) -> dict:
    asked = prompt["messages"][-1]["content"]
    found = language_of(reply.text)
    wanted = prompt.get("language") or language(asked)
    in_language = ANY in (wanted, found) or wanted == found
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
        "language": found,
        "in_language": in_language,
    }
    if "check" in prompt:
        fault = run_check(prompt["check"], reply.text, where)
        sample |= {"check": prompt["check"], "passed": fault is None, "fault": fault}
    sample["failure"] = guess(
        asked,
        reply.text,
        in_language=in_language,
        stopped=reply.stopped,
        repetition=sample["repetition"],
        passed=sample.get("passed"),
        failing_means=failing_means(prompt["check"]) if "check" in prompt else None,
    )
    return sample


def language_of(reply: str) -> str:
    """Return a reply's language; figures alone are in any."""
    return language(reply) if any(map(str.isalpha, reply)) else ANY


def reply_id(dialogue: Messages, reply: str) -> str:
    """Return the digest under which people's scores of this reply are kept."""
    parts = [part for turn in dialogue for part in (turn["role"], turn["content"])]
    return hashlib.sha256("\x1f".join([*parts, reply]).encode()).hexdigest()


def summarize(samples: list[dict]) -> dict:
    checked = [sample for sample in samples if "check" in sample]
    formatted = [sample for sample in checked if failing_means(sample["check"]) == "format"]
    summary = {
        "prompts": len(samples),
        "characters": round(fmean(sample["characters"] for sample in samples), 3),
        "tokens": round(fmean(sample["tokens"] for sample in samples), 3),
        "stopped": round(fmean(sample["stopped"] for sample in samples), 6),
        "repetition": round(fmean(sample["repetition"] for sample in samples), 6),
        "han_ratio": round(fmean(sample["han_ratio"] for sample in samples), 6),
        "distinct": round(len({sample["reply"] for sample in samples}) / len(samples), 6),
        "in_language": round(fmean(sample["in_language"] for sample in samples), 6),
        "checked": len(checked),
        "format_checked": len(formatted),
    }
    for name, judged in (("passed", checked), ("format_passed", formatted)):
        if judged:
            summary[name] = round(fmean(sample["passed"] for sample in judged), 6)
    failures = Counter(sample["failure"] for sample in samples)
    return summary | {"failures": {name: failures[name] for name in FAILURES if failures[name]}}
