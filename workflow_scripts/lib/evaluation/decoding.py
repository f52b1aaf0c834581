"""Settings of generation compared: how different and how repetitive a stage's replies to held-out prompts are."""

import logging
from collections.abc import Iterable
from statistics import fmean
from typing import Any

import torch

from workflow_scripts.lib.chat_template import Messages, with_system_prompt
from workflow_scripts.lib.config.evaluation import Decoding
from workflow_scripts.lib.config.fields import Count, Section, Whole
from workflow_scripts.lib.config.training import Model
from workflow_scripts.lib.evaluation.answering import answered
from workflow_scripts.lib.evaluation.checks.registry import run_check
from workflow_scripts.lib.evaluation.repetition import repetition
from workflow_scripts.lib.evaluation.stage import model_settings

log = logging.getLogger(__name__)


class DecodingEval(Section):
    generation_batch_size: Count
    decoding: Decoding


class DecodingConfig(Section):
    seed: Whole
    model: Model
    eval: DecodingEval


def evaluate_decoding(model: Any, tokenizer: Any, rows: Iterable[dict], config: DecodingConfig) -> dict:
    """Return figures of each setting, of every prompt and in the mean.

    Every prompt is answered ``num_replies`` times under each setting. ``distinct`` is the share of different character
    pairs in all replies to one prompt (distinct-2, arXiv:1510.03055), ``repetition`` the mean share of repeated
    4-grams within a reply, ``form`` the share of replies that keep the row's form, where it has one.

    Args:
        rows: SFT rows that end with a reply, taken in file order.
    """
    wanted = config.eval.decoding
    chosen = [row for row in rows if row["messages"][-1]["role"] == "assistant"][: wanted.max_rows]
    samples: list[dict] = [{"id": row["id"], "prompt": row["messages"][-2]["content"], "replies": {}} for row in chosen]
    asked = [place for place in range(len(chosen)) for _ in range(wanted.num_replies)]

    def dialogue_of(at: int) -> Messages:
        return with_system_prompt(chosen[at]["messages"][:-1], config.model.system_prompt)

    size = config.eval.generation_batch_size
    for name, settings in wanted.settings.items():
        torch.manual_seed(config.seed)
        for sample in samples:
            sample["replies"][name] = []
        answers = answered(model, tokenizer, asked, dialogue_of, settings, wanted.max_new_tokens, size)
        for batch, replies in answers:
            for at, reply in zip(batch, replies, strict=True):
                samples[at]["replies"][name].append(reply.text)
        log.info("decoding %s: %d prompts answered %d times", name, len(chosen), wanted.num_replies)
    for row, sample in zip(chosen, samples, strict=True):
        for name, texts in sample["replies"].items():
            sample |= _figures(name, texts, row.get("meta", {}).get("form"), row["id"])
    return {
        "figures": _means(samples),
        "settings": {"decoding": wanted.model_dump(), "seed": config.seed, **model_settings(config.model)},
        "samples": samples,
    }


def distinct_pairs(texts: list[str]) -> float:
    """Return different / all pairs of neighbouring characters in the texts, 0-1; 0 where there are none."""
    pairs = [text[start : start + 2] for text in texts for start in range(len(text) - 1)]
    return len(set(pairs)) / len(pairs) if pairs else 0.0


def _figures(name: str, texts: list[str], form: str | None, row_id: str) -> dict[str, float]:
    found = {
        f"{name}_distinct": distinct_pairs(texts),
        f"{name}_repetition": fmean(repetition(text) for text in texts),
    }
    if form is not None:
        found[f"{name}_form"] = fmean(run_check(form, text, row_id) is None for text in texts)
    return {figure: round(value, 6) for figure, value in found.items()}


def _means(samples: list[dict]) -> dict[str, float]:
    names = sorted({name for sample in samples for name in sample if isinstance(sample[name], float)})
    return {name: round(fmean(s[name] for s in samples if name in s), 6) for name in names}
