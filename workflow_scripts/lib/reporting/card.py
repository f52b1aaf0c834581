"""The data card: where the rows come from, what became of each, what they look like, and what they are good for."""

import hashlib
import json
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl

from workflow_scripts.lib import accounting
from workflow_scripts.lib.accounting import Sums
from workflow_scripts.lib.cleaning.bounds import effective_bounds
from workflow_scripts.lib.config.data import Clean, Mix, Source, Split
from workflow_scripts.lib.config.fields import Section, Text, Whole
from workflow_scripts.lib.reporting import (
    card_measures,
    card_samples,
    card_schema,
    card_sums,
    data_size,
    instructions,
    licences,
    memory,
)
from workflow_scripts.lib.splitting.buckets import SPLITS

TEMPLATE_TOKENS = 32  # that a chat template adds to a dialogue of two turns, for the estimate of memory


class CardModel(Section):
    """The model whose tokens are counted."""

    base: Text
    license: Text


class CardConfig(Section):
    """The config sections that the card tells of."""

    recipe: Text
    seed: Whole
    model: CardModel
    sources: dict[str, Source]
    clean: Clean
    mix: Mix
    split: Split
    receipts: dict[str, Text]  # source -> key of its fetched files; one with files of its own has none


DUPLICATES = ("duplicate", "duplicate_across_sources", "near_duplicate")


@dataclass(frozen=True)
class SourceFiles:
    rows: Path
    measures: Path
    tokens: Path
    standard_sums: Path
    standard_drops: Path
    clean_sums: Path
    clean_drops: Path
    links: Path | None  # only sources that models learn from are compared with each other


@dataclass(frozen=True)
class UseFiles:
    mix_summary: Path
    mix_drops: Path
    splits: dict[str, Path]


def build(
    config: CardConfig,
    sources: dict[str, SourceFiles],
    uses: dict[str, UseFiles],
    receipts: dict[str, dict[str, Any]],
    model: dict[str, Any],
    leaks: dict[str, Any],
) -> card_schema.Card:
    """Return the card.

    Args:
        config: What was asked for.
        sources: Files of every source that was processed; one left out stands in the card as unused.
        uses: Files of every use, ``sft`` and ``preference``.
        receipts: Key -> receipt of fetched files.
        model: The base model's config.json.
        leaks: Prompts and replies that stand in two splits.

    Raises:
        RuntimeError: If the sums do not reconcile.
    """
    shape = memory.shape_of(model)
    parameters = shape.parameters if shape else None
    split_sums = {use: card_sums.split_sums(files.splits) for use, files in uses.items()}
    funnel = _funnel(sources, uses, split_sums)
    measured = {name: card_measures.measured(files.measures, files.tokens) for name, files in sources.items()}
    kept = {name: card_measures.kept_rows(measured[name], files.clean_drops) for name, files in sources.items()}
    in_use = {use: _use(config, use, files, split_sums[use], measured, parameters) for use, files in uses.items()}
    used = sorted({name for sums in split_sums.values() for name in sums.counts})
    judged = licences.verdict({name: config.sources[name].license for name in used})
    clusters = {name: card_measures.clusters(files.links) for name, files in sources.items() if files.links}
    histograms = {name: card_measures.histogram(rows) for name, rows in kept.items()}
    return card_schema.Card(
        version=card_schema.VERSION,
        recipe=config.recipe,
        seed=config.seed,
        model=card_schema.Model(**config.model.model_dump(), parameters=parameters),
        sources={
            name: _source(source, name in used, receipts.get(config.receipts.get(name, "")))
            for name, source in config.sources.items()
        },
        licences=judged.as_json(),
        rules={
            "clean": {name: effective_bounds(config.clean, config.sources[name].clean) for name in sources},
            "repetition_ngram": config.clean.repetition_ngram,
            "mix": {use: getattr(config.mix, use).model_dump() for use in uses},
            "near_duplicates": config.clean.near_duplicates.model_dump(),
            "decontaminate": config.clean.decontaminate.model_dump(),
            "split": config.split.model_dump(),
        },
        funnel={name: [_step(step, split_sums, name) for step in steps] for name, steps in funnel.items()},
        duplicates={name: _duplicates(steps) for name, steps in funnel.items()},
        clusters=clusters,
        distributions={name: card_measures.distributions(rows) for name, rows in kept.items()},
        histograms={name: found for name, found in histograms.items() if found is not None},
        languages={name: card_measures.counts(rows, "lang") for name, rows in kept.items()},
        turns={name: card_measures.counts(rows, "turns") for name, rows in kept.items()},
        uses=in_use,
        leaks=leaks,
        memory=_memory(shape, in_use),
        warnings=_warnings(in_use),
        samples=_samples(sources, uses, config),
    )


def _funnel(
    sources: dict[str, SourceFiles], uses: dict[str, UseFiles], split_sums: dict[str, card_sums.SplitSums]
) -> dict[str, list[Sums]]:
    funnel = {
        name: [
            card_sums.step_of(name, files.standard_sums, files.standard_drops),
            card_sums.step_of(name, files.clean_sums, files.clean_drops),
        ]
        for name, files in sources.items()
    }
    for use, files in uses.items():
        for name, step in card_sums.mix_steps(files.mix_summary, files.mix_drops).items():
            funnel[name] += [step, card_sums.split_step(split_sums[use].counts.get(name, Counter()))]
    for name, steps in funnel.items():
        accounting.check_chain(name, steps)
    return funnel


def _step(step: Sums, split_sums: dict[str, card_sums.SplitSums], source: str) -> card_schema.Step:
    value = step.as_json()
    if step.step == "split":
        counts = next((sums.counts[source] for sums in split_sums.values() if source in sums.counts), Counter())
        value["splits"] = {split: counts[split] for split in SPLITS}
    return card_schema.Step(**value)


def _source(source: Source, is_used: bool, receipt: dict[str, Any] | None) -> card_schema.Source:
    values = source.model_dump(mode="json", by_alias=True)
    told = ("use", "adapter", "from", "revision", "license", "weight", "max_rows", "where", "options")
    raw = None
    if receipt is not None:
        hashes = [file["sha256"] for file in receipt["files"]]
        raw = {"commit": receipt["commit"]} if receipt.get("commit") else {}
        raw |= {"files": len(hashes), "bytes": sum(file["bytes"] for file in receipt["files"])}
        raw["sha256"] = hashlib.sha256(json.dumps(hashes).encode()).hexdigest()
    return card_schema.Source(**{key: values[key] for key in told}, used=is_used, raw=raw)


def _use(
    config: CardConfig,
    use: str,
    files: UseFiles,
    sums: card_sums.SplitSums,
    measured: dict[str, pl.LazyFrame],
    parameters: int | None,
) -> card_schema.UseSums:
    splits: Counter[str] = Counter()
    licenses: Counter[str] = Counter()
    for name, counts in sums.counts.items():
        splits.update(counts)
        licenses[config.sources[name].license] += counts.total()
    rows = splits.total()
    rows_of = [measured[name] for name in sorted(sums.counts)]
    tokens = {
        split: found
        for split in SPLITS
        if splits[split] and (found := card_measures.tokens_of(files.splits[split], rows_of)) is not None
    }
    return card_schema.UseSums(
        rows=rows,
        splits={split: splits[split] for split in SPLITS},
        languages=dict(sorted(sums.languages.items())),
        licenses=dict(sorted(licenses.items())),
        derived_rows=sums.derived,
        derived_share=round(sums.derived / rows, 4) if rows else 0.0,
        tokens=tokens,
        size=data_size.verdict(use, splits["train"], tokens.get("train", {}).get("total"), parameters),
        instructions=instructions.diversity(card_samples.instructions(files.splits["train"], splits["train"])),
    )


def _memory(shape: memory.Shape | None, uses: dict[str, card_schema.UseSums]) -> card_schema.Memory | None:
    longest = [tokens.max for sums in uses.values() for tokens in sums.tokens.values()]
    if shape is None or not longest:
        return None
    tokens = round(max(longest)) + TEMPLATE_TOKENS
    return card_schema.Memory(tokens=tokens, lora_rank=memory.LORA_RANK, estimates=memory.estimates(shape, tokens))


def _warnings(uses: dict[str, card_schema.UseSums]) -> list[dict[str, str]]:
    found = []
    for use, sums in uses.items():
        if sums.size["verdict"] in ("little", "very little"):
            found.append({"en": f"{use}: {sums.size['en']}", "zh": f"{use}：{sums.size['zh']}"})
        if (alike := instructions.warning(use, sums.instructions)) is not None:
            found.append(alike)
    return found


def _samples(sources: dict[str, SourceFiles], uses: dict[str, UseFiles], config: CardConfig) -> card_schema.Samples:
    kept = {
        use: card_samples.kept(files.splits["train"], [n for n in sources if config.sources[n].use == use])
        for use, files in uses.items()
    }
    dropped = {}
    for name, files in sources.items():
        mixed = [found.mix_drops for use, found in uses.items() if use == config.sources[name].use]
        dropped[name] = card_samples.dropped(name, [files.standard_drops, files.clean_drops, *mixed], files.rows)
    return card_schema.Samples(kept=kept, dropped=dropped)


def _duplicates(steps: list[Sums]) -> int:
    return sum(step.dropped.get(reason, 0) for step in steps for reason in DUPLICATES)
