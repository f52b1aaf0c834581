"""Form: how often does the model's own continuation of a held-out text keep the form that the text asks for?"""

import logging
import math
from collections import Counter
from collections.abc import Iterable
from typing import Any

import torch

from workflow_scripts.lib.chat_template import Messages, with_system_prompt
from workflow_scripts.lib.config.evaluation import Form
from workflow_scripts.lib.config.fields import Count, Section, Whole
from workflow_scripts.lib.config.generation import Generation
from workflow_scripts.lib.config.training import Model
from workflow_scripts.lib.evaluation.answering import answered
from workflow_scripts.lib.evaluation.checks.registry import run_check
from workflow_scripts.lib.evaluation.stage import model_settings
from workflow_scripts.lib.generation import Reply

log = logging.getLogger(__name__)
COPIED = 4  # characters: a run this long out of the prompt is no coincidence in verse lines of five or seven


class FormEval(Section):
    generation_batch_size: Count
    form: Form


class FormConfig(Section):
    seed: Whole
    model: Model
    eval: FormEval
    generation: Generation


def evaluate_form(model: Any, tokenizer: Any, rows: Iterable[dict], config: FormConfig) -> dict:
    """Return the share of replies in form, with the reason of each failure.

    Args:
        rows: SFT rows; those with ``meta.form``, a name of ``checks.registry``, are taken, in file order.
    """
    chosen = _with_form(rows, config.eval.form.max_rows)
    torch.manual_seed(config.seed)
    samples: list[dict] = []

    def dialogue_of(row: dict) -> Messages:
        return with_system_prompt(row["messages"][:-1], config.model.system_prompt)

    tokens, size = config.eval.form.max_new_tokens, config.eval.generation_batch_size
    for batch, replies in answered(model, tokenizer, chosen, dialogue_of, config.generation, tokens, size):
        samples += [_sample(row, reply) for row, reply in zip(batch, replies, strict=True)]
        log.info("form: %d of %d poems continued", len(samples), len(chosen))
    return {
        **summarize(samples),
        "settings": {
            **config.eval.form.model_dump(include={"max_rows", "max_new_tokens"}),
            "seed": config.seed,
            "generation": config.generation.model_dump(),
            **model_settings(config.model),
        },
        "samples": samples,
    }


def _with_form(rows: Iterable[dict], limit: int | None) -> list[dict]:
    chosen: list[dict] = []
    for row in rows:
        if len(chosen) == limit:
            break
        if row.get("meta", {}).get("form") and row["messages"][-1]["role"] == "assistant":
            chosen.append(row)
    return chosen


def _sample(row: dict, reply: Reply) -> dict:
    fault = run_check(row["meta"]["form"], reply.text, row["id"])
    # an unfinished reply that is wrong anyway keeps the reason that says more about it
    if not reply.stopped and fault not in ("foreign script", "empty"):
        fault = "not stopped"
    prompt = row["messages"][-2]["content"]
    return {
        "id": row["id"],
        "form": row["meta"]["form"],
        "prompt": prompt,
        "reply": reply.text,
        "ok": fault is None,
        "fault": fault,
        "distinct_characters": round(len(set(reply.text)) / max(1, len(reply.text)), 6),
        "copied": copies(prompt, reply.text),
    }


def copies(prompt: str, reply: str, length: int = COPIED) -> bool:
    """Tell whether the reply repeats ``length`` or more characters on end of the prompt."""
    return any(reply[start : start + length] in prompt for start in range(len(reply) - length + 1))


def summarize(samples: list[dict]) -> dict:
    """Return shares with the binomial standard error of ``form``; and how often replies coincide, repeat or copy.

    ``distinct`` is the share of different replies, ``distinct_characters`` that within a reply: a model that keeps the
    form by writing one character over and over shows there.
    """
    total = len(samples)
    if not total:
        return {"rows": 0, "faults": {}}
    share = sum(sample["ok"] for sample in samples) / total
    return {
        "form": round(share, 6),
        "stderr": round(math.sqrt(share * (1 - share) / (total - 1)), 6) if total > 1 else None,
        "rows": total,
        "faults": dict(sorted(Counter(s["fault"] for s in samples if s["fault"]).items())),
        "distinct": round(len({sample["reply"] for sample in samples}) / total, 6),
        "distinct_characters": round(sum(sample["distinct_characters"] for sample in samples) / total, 6),
        "copied": round(sum(sample["copied"] for sample in samples) / total, 6),
    }
