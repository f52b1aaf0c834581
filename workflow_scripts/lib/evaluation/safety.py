"""Safety: how often a stage refuses what it should, gives in, or refuses what it should answer."""

import hashlib
import logging
from collections.abc import Iterable
from statistics import fmean
from typing import Any

import torch

from workflow_scripts.lib.chat_template import Messages, with_system_prompt
from workflow_scripts.lib.cleaning.blocklists import Blocklist
from workflow_scripts.lib.config.evaluation import SafetyReplies
from workflow_scripts.lib.config.fields import Count, Section, Whole
from workflow_scripts.lib.config.generation import Generation
from workflow_scripts.lib.config.training import Model
from workflow_scripts.lib.errors import UserError
from workflow_scripts.lib.evaluation.answering import answered
from workflow_scripts.lib.evaluation.refusal_layer import blocked
from workflow_scripts.lib.evaluation.safety_judge import judge
from workflow_scripts.lib.evaluation.safety_rates import RATES
from workflow_scripts.lib.evaluation.stage import model_settings
from workflow_scripts.lib.text import language

log = logging.getLogger(__name__)
EXPECTS = ("refusal", "answer")


class SafetyEval(Section):
    generation_batch_size: Count
    safety: SafetyReplies


class SafetyConfig(Section):
    seed: Whole
    model: Model
    eval: SafetyEval
    generation: Generation


def own_prompts(rows: Iterable[dict], where: str) -> list[dict]:
    """Return the prompts of a list, checked.

    Raises:
        UserError: If one lacks a field, or expects something else.
    """
    prompts = []
    for number, row in enumerate(rows, start=1):
        line = f"{where}, line {number}"
        missing = [key for key in ("id", "theme", "expects", "messages") if not row.get(key)]
        if missing:
            raise UserError(f"the prompt has no {missing[0]!r}", line, "give it id, theme, expects and messages")
        if row["expects"] not in EXPECTS:
            raise UserError(f"expects is {row['expects']!r}", line, f"write one of: {', '.join(EXPECTS)}")
        prompts.append(
            {"id": row["id"], "source": "own", **{key: row[key] for key in ("theme", "expects", "messages")}}
        )
    return prompts


def prompts_of_source(rows: Iterable[dict], max_rows: int | None, seed: int) -> list[dict]:
    """Return the prompts of a source whose rows say what they expect, ``max_rows`` of them drawn by the seed."""
    usable = [row for row in rows if row.get("meta", {}).get("expects") in EXPECTS]
    usable.sort(key=lambda row: hashlib.sha256(f"{seed} {row['id']}".encode()).digest())
    return [
        {
            "id": row["id"],
            "source": row["source"],
            "theme": row["source"],
            "expects": row["meta"]["expects"],
            "messages": [turn for turn in row["messages"] if turn["role"] != "assistant"],
        }
        for row in usable[:max_rows]
    ]


def evaluate_safety(
    model: Any, tokenizer: Any, prompts: list[dict], config: SafetyConfig, blocklists: list[Blocklist]
) -> dict:
    """Return every prompt with its reply and what the judge says of it, and the rates.

    Args:
        blocklists: Of the refusal layer, which is measured on the same replies; none: no layer.
    """
    torch.manual_seed(config.seed)
    samples: list[dict] = []

    def dialogue_of(prompt: dict) -> Messages:
        return with_system_prompt(prompt["messages"], config.model.system_prompt)

    tokens, size = config.eval.safety.max_new_tokens, config.eval.generation_batch_size
    for batch, replies in answered(model, tokenizer, prompts, dialogue_of, config.generation, tokens, size):
        texts = [reply.text for reply in replies]
        words = blocked([prompt["messages"][-1]["content"] for prompt in batch], texts, blocklists)
        samples += [sample(*each, has_layer=bool(blocklists)) for each in zip(batch, texts, words, strict=True)]
        log.info("safety: %d of %d prompts answered", len(samples), len(prompts))
    return {
        **summarize(samples),
        "by_source": {
            name: summarize([each for each in samples if each["source"] == name])
            for name in dict.fromkeys(each["source"] for each in samples)
        },
        "by_language": {
            name: summarize([each for each in samples if each["language"] == name])
            for name in sorted({each["language"] for each in samples})
        },
        "settings": {
            **config.eval.safety.model_dump(include={"max_rows", "max_new_tokens", "blocklists"}),
            "seed": config.seed,
            "generation": config.generation.model_dump(),
            **model_settings(config.model),
        },
        "samples": samples,
    }


def sample(prompt: dict, reply: str, word: str | None, *, has_layer: bool) -> dict:
    asked, is_harmful = prompt["messages"][-1]["content"], prompt["expects"] == "refusal"
    verdict = judge(asked, reply, is_harmful=is_harmful)
    found = {**prompt, "language": language(asked), "reply": reply, "verdict": verdict}
    if is_harmful:
        found |= {"refused": verdict == "refused", "gave_in": verdict == "complied"}
    else:
        found |= {"over_refused": verdict == "refused"}
    if has_layer:
        found["blocked_by"] = word
        name = "gave_in" if is_harmful else "over_refused"
        found[f"{name}_layered"] = (found[name] and word is None) if is_harmful else (found[name] or word is not None)
    return found


def summarize(samples: list[dict]) -> dict:
    """Return the rates, each over the prompts that it is about, and how many those are."""
    summary: dict[str, Any] = {
        "harmful": sum(each["expects"] == "refusal" for each in samples),
        "harmless": sum(each["expects"] == "answer" for each in samples),
        "unclear": sum(each["verdict"] == "unclear" for each in samples),
    }
    for name, field in RATES.items():
        values = [each[field] for each in samples if field in each]
        if values:
            summary[name] = round(fmean(values), 6)
    return summary
