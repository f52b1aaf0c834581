"""Preference accuracy: does the model find the chosen reply more likely than the rejected one?

The headline compares log-probabilities per token, as ORPO's odds ratio does: a sum favours the shorter reply
whatever it says. DPO's quantity, the sum, stands beside it.
"""

import itertools
import logging
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from statistics import fmean
from typing import Any

import torch

from workflow_scripts.lib.chat_template import UnstableTemplateError, encode_dialogue, with_system_prompt
from workflow_scripts.lib.config.evaluation import PreferenceAccuracy
from workflow_scripts.lib.config.fields import Count, Section
from workflow_scripts.lib.config.training import Model
from workflow_scripts.lib.evaluation import shared_context
from workflow_scripts.lib.evaluation.fitting import in_shared_batches
from workflow_scripts.lib.evaluation.log_probs import IGNORED
from workflow_scripts.lib.evaluation.shared_context import common_prefix
from workflow_scripts.lib.evaluation.stage import model_settings

log = logging.getLogger(__name__)


class PreferenceEval(Section):
    batch_size: Count
    preference: PreferenceAccuracy


class PreferenceConfig(Section):
    model: Model
    eval: PreferenceEval
    max_length: Count


@dataclass(frozen=True)
class Completion:
    """A dialogue's ids and where its last turn, the one that is judged, begins and ends."""

    input_ids: list[int]
    start: int
    end: int

    @property
    def labels(self) -> list[int]:
        inside = self.input_ids[self.start : self.end]
        return [IGNORED] * self.start + inside + [IGNORED] * (len(self.input_ids) - self.end)


@dataclass(frozen=True)
class Pair:
    """A pair's ids; ``contrast`` names how its sides differ, where the data say so (``meta.contrast``)."""

    id: str
    chosen: Completion
    rejected: Completion
    contrast: str | None = None

    @property
    def length(self) -> int:
        """Tokens of the longer side, to which a batch is padded."""
        return max(len(self.chosen.input_ids), len(self.rejected.input_ids))

    @property
    def shared(self) -> int:
        """Number of leading tokens computed once for both; each side keeps a token that predicts its first."""
        limit = min(self.chosen.start, self.rejected.start) - 1
        both = zip(self.chosen.input_ids[:limit], self.rejected.input_ids[:limit], strict=True)
        return next((index for index, (one, other) in enumerate(both) if one != other), limit)


def evaluate_preference(model: Any, tokenizer: Any, rows: Iterable[dict], config: PreferenceConfig) -> dict:
    """Return accuracy and margin over preference pairs.

    Args:
        rows: Preference rows. A pair with a side longer than ``max_length`` tokens is counted and left out.
    """
    pairs, over_length = [], []
    num_refused = 0
    for row in itertools.islice(rows, config.eval.preference.max_rows):
        try:
            pair = encode_pair(tokenizer, row, config.model.system_prompt)
        except UnstableTemplateError:
            num_refused += 1
            continue
        (pairs if pair.length <= config.max_length else over_length).append(pair)
    samples = score_pairs(model, pairs, config.eval.batch_size)
    return {
        **summarize(samples),
        "over_length": len(over_length),
        "over_length_ids": [pair.id for pair in over_length[:20]],
        "refused_by_chat_template": num_refused,
        "settings": {
            "max_length": config.max_length,
            "max_rows": config.eval.preference.max_rows,
            **model_settings(config.model),
        },
        "samples": samples,
    }


def encode_pair(tokenizer: Any, row: dict, system_prompt: str | None) -> Pair:
    prompt = with_system_prompt(row["prompt"], system_prompt)
    chosen, rejected = (_encode(tokenizer, prompt, row[side]) for side in ("chosen", "rejected"))
    return Pair(row["id"], chosen, rejected, row.get("meta", {}).get("contrast"))


def _encode(tokenizer: Any, prompt: list[dict], reply: list[dict]) -> Completion:
    encoded = encode_dialogue(tokenizer, prompt + reply)
    end = max(index for index, said in enumerate(encoded.assistant) if said) + 1
    start = end
    while start and encoded.assistant[start - 1]:
        start -= 1
    return Completion(encoded.input_ids, start, end)


@torch.inference_mode()
def score_pairs(model: Any, pairs: list[Pair], batch_size: int) -> list[dict]:
    """Return one sample a pair, in the pairs' order."""
    order = sorted(range(len(pairs)), key=lambda index: pairs[index].length)
    scored: dict[int, dict] = {}
    batches = in_shared_batches(order, batch_size, lambda chosen: _score(model, [pairs[index] for index in chosen]))
    for chosen, (sums, counts) in batches:
        for position, index in enumerate(chosen):
            two = slice(2 * position, 2 * position + 2)
            scored[index] = _sample(pairs[index], sums[two], counts[two])
        if len(scored) % (8 * batch_size) < batch_size:
            log.info("preference: %d of %d pairs scored", len(scored), len(pairs))
    return [scored[index] for index in range(len(pairs))]


def _score(model: Any, pairs: list[Pair]) -> tuple[list[float], list[int]]:
    """Score chosen and rejected in turn; what all pairs begin with, and then each pair's prompt, is read once."""
    sides = [side for pair in pairs for side in (pair.chosen, pair.rejected)]
    context, shared = shared_context.empty(len(sides), model.device), [0] * len(sides)
    if shared_context.supported(model):
        shared = [pair.shared for pair in pairs for _ in range(2)]
        opening = pairs[0].chosen.input_ids[: common_prefix([side.input_ids for side in sides])]
        opening = opening[: min(shared)]
        context = shared_context.extend(model, shared_context.empty(1, model.device), [opening])
        heads = [pair.chosen.input_ids[len(opening) : pair.shared] for pair in pairs]
        context = shared_context.extend(model, context.repeat(len(pairs)), heads).repeat(2)
    sums, counts = shared_context.log_probs_after(
        model,
        context,
        [side.input_ids[start:] for start, side in zip(shared, sides, strict=True)],
        [side.labels[start:] for start, side in zip(shared, sides, strict=True)],
        IGNORED,
    )
    return sums.tolist(), counts.tolist()


def _sample(pair: Pair, sums: list[float], counts: list[int]) -> dict:
    chosen, rejected = sums
    margin = chosen / counts[0] - rejected / counts[1]
    return {
        "id": pair.id,
        **({"contrast": pair.contrast} if pair.contrast else {}),
        "chosen_logp": round(chosen, 6),
        "rejected_logp": round(rejected, 6),
        "chosen_tokens": counts[0],
        "rejected_tokens": counts[1],
        "correct": margin > 0,
        "correct_by_sum": chosen > rejected,
        "margin": round(margin, 6),
    }


def summarize(samples: list[dict]) -> dict:
    """Return the share of pairs judged right, by mean (the headline) and by sum, and the same for groups of pairs.

    A model that only learned that short replies are better, or that one metre is, shows in the groups: by which side
    is shorter, and by ``contrast`` where pairs have one.
    """
    if not samples:
        return {"pairs": 0, "groups": {}}
    groups: dict[str, list[dict]] = {}
    for sample in samples:
        for name in _groups_of(sample):
            groups.setdefault(name, []).append(sample)
    return {
        **_figures(samples),
        "margin": round(fmean(sample["margin"] for sample in samples), 6),
        "groups": {name: _figures(members) for name, members in sorted(groups.items())},
    }


def _groups_of(sample: dict) -> Iterator[str]:
    chosen, rejected = sample["chosen_tokens"], sample["rejected_tokens"]
    yield "chosen_shorter" if chosen < rejected else "chosen_longer" if chosen > rejected else "same_length"
    if "contrast" in sample:
        yield f"contrast_{sample['contrast']}"


def _figures(samples: list[dict]) -> dict[str, Any]:
    return {
        "accuracy": round(fmean(sample["correct"] for sample in samples), 6),
        "accuracy_by_sum": round(fmean(sample["correct_by_sum"] for sample in samples), 6),
        "pairs": len(samples),
    }
