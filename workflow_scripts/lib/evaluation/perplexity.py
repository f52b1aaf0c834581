"""Perplexity of held-out replies, per token and per character."""

import itertools
import logging
import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import torch

from workflow_scripts.lib.chat_template import UnstableTemplateError, encode_dialogue, with_system_prompt
from workflow_scripts.lib.config.evaluation import Perplexity
from workflow_scripts.lib.config.fields import Count, Section
from workflow_scripts.lib.config.training import Model
from workflow_scripts.lib.evaluation import shared_context
from workflow_scripts.lib.evaluation.fitting import in_shared_batches
from workflow_scripts.lib.evaluation.log_probs import IGNORED
from workflow_scripts.lib.evaluation.shared_context import common_prefix
from workflow_scripts.lib.evaluation.stage import model_settings

log = logging.getLogger(__name__)
WINDOW = 32  # batches whose rows are sorted by length together: bounded memory, little padding


class PerplexityEval(Section):
    batch_size: Count
    perplexity: Perplexity


class PerplexityConfig(Section):
    model: Model
    eval: PerplexityEval
    max_length: Count


@dataclass(frozen=True)
class Scored:
    """A row's surprise: ``nats`` over ``tokens`` tokens and ``characters`` characters of the replies."""

    id: str
    source: str
    lang: str
    nats: float
    tokens: int
    characters: int


@dataclass(frozen=True)
class _Prepared:
    row: dict
    input_ids: list[int]
    labels: list[int]
    context_turns: int


def evaluate_perplexity(model: Any, tokenizer: Any, rows: Iterable[dict], config: PerplexityConfig) -> dict:
    """Return the perplexity of the assistant's tokens, whole and by source and language.

    Args:
        rows: SFT rows. A row longer than ``max_length`` tokens is counted and left out, never cut.
    """
    rows = itertools.islice(rows, config.eval.perplexity.max_rows)
    over_length: list[str] = []
    refused: list[str] = []
    prepared = _prepare(tokenizer, rows, config, over_length, refused)
    samples = []
    while window := list(itertools.islice(prepared, WINDOW * config.eval.batch_size)):
        samples += _score(model, window, config.eval.batch_size)
        log.info("perplexity: %d rows scored", len(samples))
    return {
        **_summary(samples),
        "over_length": len(over_length),
        "over_length_ids": over_length[:20],
        "refused_by_chat_template": len(refused),
        "by_source": _summaries(samples, "source"),
        "by_lang": _summaries(samples, "lang"),
        "settings": {
            "max_length": config.max_length,
            "max_rows": config.eval.perplexity.max_rows,
            **model_settings(config.model),
        },
        "samples": [vars(sample) | {"nats": round(sample.nats, 6)} for sample in samples],
    }


def _prepare(
    tokenizer: Any, rows: Iterable[dict], config: PerplexityConfig, over_length: list[str], refused: list[str]
) -> Iterator[_Prepared]:
    for row in rows:
        try:
            encoded = encode_dialogue(tokenizer, with_system_prompt(row["messages"], config.model.system_prompt))
        except UnstableTemplateError:
            refused.append(row["id"])
            continue
        if len(encoded.input_ids) > config.max_length:
            over_length.append(row["id"])
            continue
        pairs = zip(encoded.input_ids, encoded.assistant, strict=True)
        yield _Prepared(
            row, encoded.input_ids, [token if said else IGNORED for token, said in pairs], encoded.context_turns
        )


@torch.inference_mode()
def _score(model: Any, rows: list[_Prepared], batch_size: int) -> list[Scored]:
    order = sorted(range(len(rows)), key=lambda index: len(rows[index].input_ids))
    scored: dict[int, Scored] = {}

    def run(chosen: Sequence[int]) -> tuple[list[float], list[int]]:
        batch = [rows[index] for index in chosen]
        start = _num_shared(batch) if shared_context.supported(model) else 0
        opening = shared_context.extend(model, shared_context.empty(1, model.device), [batch[0].input_ids[:start]])
        sums, counts = shared_context.log_probs_after(
            model,
            opening.repeat(len(batch)),
            [row.input_ids[start:] for row in batch],
            [row.labels[start:] for row in batch],
            IGNORED,
        )
        return sums.tolist(), counts.tolist()

    for chosen, found in in_shared_batches(order, batch_size, run):
        for index, total, count in zip(chosen, *found, strict=True):
            row = rows[index].row
            replies = [turn["content"] for turn in row["messages"] if turn["role"] == "assistant"]
            said = sum(map(len, replies[rows[index].context_turns :]))
            scored[index] = Scored(row["id"], row["source"], row["lang"], -total, count, said)
    return [scored[index] for index in range(len(rows))]


def _num_shared(rows: list[_Prepared]) -> int:
    """Return how many tokens all rows begin with, short of the one that predicts the first scored token."""
    scored = [index for row in rows for index, label in enumerate(row.labels) if label != IGNORED]
    return min(common_prefix([row.input_ids for row in rows]), max(min(scored, default=1) - 1, 0))


def _summaries(samples: list[Scored], field: str) -> dict[str, dict]:
    names = sorted({getattr(sample, field) for sample in samples})
    return {name: _summary([s for s in samples if getattr(s, field) == name]) for name in names}


def _summary(samples: list[Scored]) -> dict:
    nats = math.fsum(sample.nats for sample in samples)
    tokens = sum(sample.tokens for sample in samples)
    characters = sum(sample.characters for sample in samples)
    if not tokens:
        return {"rows": len(samples), "tokens": 0, "characters": characters}
    return {
        "perplexity": round(math.exp(nats / tokens), 6),
        "nats_per_token": round(nats / tokens, 6),
        "nats_per_character": round(nats / characters, 6) if characters else None,
        "rows": len(samples),
        "tokens": tokens,
        "characters": characters,
    }
