"""The data card: where the rows come from, what became of each, and what they look like."""

from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from workflow_scripts.lib.cleaning.bounds import effective_bounds
from workflow_scripts.lib.config.data import Clean, Mix, Source, Split
from workflow_scripts.lib.config.fields import Section, Text, Whole
from workflow_scripts.lib.reporting import card_sums

VERSION = 1


class CardModel(Section):
    """The model whose tokens are counted."""

    base: Text
    license: Text


class CardConfig(Section):
    """The config sections that the card tells of."""

    seed: Whole
    model: CardModel
    sources: dict[str, Source]
    clean: Clean
    mix: Mix
    split: Split


@dataclass(frozen=True)
class SourceFiles:
    measures: Path
    standard_drops: Path
    clean_drops: Path


@dataclass(frozen=True)
class UseFiles:
    mix_summary: Path
    mix_drops: Path
    splits: dict[str, Path]


def build(
    config: CardConfig, sources: dict[str, SourceFiles], uses: dict[str, UseFiles], leaks: dict[str, Any]
) -> dict[str, Any]:
    """Return the card as JSON can say it.

    Args:
        config: What was asked for.
        sources: Files of every source that was processed; one left out stands in the card as unused.
        uses: Files of every use, ``sft`` and ``preference``.
        leaks: Prompts and replies that stand in two splits.

    Raises:
        RuntimeError: If the sums do not reconcile.
    """
    funnel = {
        name: card_sums.source_steps(files.measures, files.standard_drops, files.clean_drops)
        for name, files in sources.items()
    }
    in_use, samples = {}, {}
    for use, files in uses.items():
        mixed = card_sums.mix_steps(files.mix_summary, files.mix_drops)
        sums = card_sums.split_sums(files.splits)
        for name, step in mixed.items():
            funnel[name] += [step, card_sums.split_step(sums["counts"].get(name, Counter()))]
        in_use[use] = _use(config, sums)
        samples[use] = {name: sums["samples"].get(name, []) for name in mixed}
    for name, steps in funnel.items():
        card_sums.check_funnel(name, steps)
    return {
        "version": VERSION,
        "seed": config.seed,
        "tokenizer": config.model.base,
        "sources": {name: _source(config, name) for name in config.sources},
        "unused": [name for name in config.sources if len(funnel.get(name, [])) < 4],
        "rules": {
            "clean": {name: effective_bounds(config.clean, config.sources[name].clean) for name in sources},
            "repetition_ngram": config.clean.repetition_ngram,
            "mix": {use: getattr(config.mix, use).model_dump() for use in uses},
            "near_duplicates": config.clean.near_duplicates.model_dump(),
            "decontaminate": config.clean.decontaminate.model_dump(),
            "split": config.split.model_dump(),
        },
        "funnel": funnel,
        "duplicates": {name: _duplicates(steps) for name, steps in funnel.items()},
        "distributions": {
            name: card_sums.distributions(files.measures, files.clean_drops) for name, files in sources.items()
        },
        "uses": in_use,
        "leaks": leaks,
        "samples": samples,
    }


def _source(config: CardConfig, name: str) -> dict[str, Any]:
    values = config.sources[name].model_dump(mode="json", by_alias=True)
    return {key: values[key] for key in ("use", "adapter", "from", "revision", "license", "weight", "options")}


def _use(config: CardConfig, sums: dict[str, Any]) -> dict[str, Any]:
    splits: Counter[str] = Counter()
    licenses: Counter[str] = Counter()
    for name, counts in sums["counts"].items():
        splits.update(counts)
        licenses[config.sources[name].license] += counts.total()
    rows = splits.total()
    return {
        "rows": rows,
        "splits": card_sums.split_step(splits)["splits"],
        "languages": dict(sorted(sums["languages"].items())),
        "licenses": dict(sorted(licenses.items())),
        "derived_rows": sums["derived"],
        "derived_share": round(sums["derived"] / rows, 4) if rows else 0.0,
    }


def _duplicates(steps: list[dict[str, Any]]) -> int:
    reasons = ("duplicate", "duplicate_across_sources", "near_duplicate")
    return sum(step["dropped"].get(reason, 0) for step in steps for reason in reasons)
