"""Which rows of which sources make up the data of one use, and in which order."""

import logging
from dataclasses import dataclass
from typing import Any

import numpy as np

from workflow_scripts.lib.config.data import MixUse
from workflow_scripts.lib.config.fields import Count, NotNegative, Ratio, Section, Switch, Whole, optional
from workflow_scripts.lib.errors import UserError
from workflow_scripts.lib.mixing.candidates import Candidates, SourceFiles, scan
from workflow_scripts.lib.mixing.duplicates import drop_duplicates, drop_near_duplicates
from workflow_scripts.lib.mixing.order import Order
from workflow_scripts.lib.mixing.quotas import lowest, most_others, shares_of
from workflow_scripts.lib.records import Drop

log = logging.getLogger(__name__)


class Taken(Section):
    """The keys of a source that decide what is taken from it."""

    weight: NotNegative
    max_rows: optional(Count)
    where: dict[str, list[Any]]


class Mixing(Section):
    """Config of one mix job. Which source comes first is said by the files: canonical JSON has no order."""

    seed: Whole
    mix: MixUse
    drop_near_duplicates: Switch
    max_overlap: optional(Ratio)  # with an evaluation text; None: rows are not decontaminated
    refuse_derived: Switch
    sources: dict[str, Taken]


@dataclass
class Mixture:
    """The chosen rows of each source, their common order, the ledger, and the sums."""

    parts: list[Candidates]
    order: Order
    drops: list[Drop]
    summary: dict[str, Any]


def mix(files: dict[str, SourceFiles], config: Mixing) -> Mixture:
    """Choose the rows; only numbers are held in memory, some 70 bytes a row.

    With ``max_samples`` every source gives its weight's share of it. Without, every source with a weight above 0 gives
    all its rows: weights then only switch sources on and off. No row is taken twice, so a source with fewer rows than
    its share lowers the total.

    Args:
        files: Of every source; of two rows with the same contents, or near-duplicates, the earlier one stays.
        config: Seed, quotas, weights.

    Raises:
        UserError: If no row is left.
    """
    parts = [
        scan(
            name,
            source,
            config.seed,
            config.sources[name].where,
            max_overlap=config.max_overlap,
            refuse_derived=config.refuse_derived,
        )
        for name, source in files.items()
        if config.sources[name].weight > 0
    ]
    sums = {part.source: {"in": part.num_read} for part in parts}
    drops = [Drop(row_id, "where", detail) for part in parts for row_id, detail in part.excluded]
    drops += [Drop(row_id, "contaminated", detail) for part in parts for row_id, detail in part.contaminated]
    drops += drop_duplicates(parts)
    if config.drop_near_duplicates:
        drops += drop_near_duplicates(parts)
    _take_shares(parts, config, sums)
    _keep_zh_ratio(parts, config.mix.min_zh_ratio, sums)
    for part in parts:
        sums[part.source]["out"] = len(part.rows)
        if not len(part.rows):
            log.warning("%s: none of %d rows is taken; the data card's funnel shows why", part.source, part.num_read)
    total = sum(len(part.rows) for part in parts)
    if total == 0:
        raise UserError("no row is left after mixing", "mix", "loosen clean, where or min_zh_ratio; see the ledgers")
    num_zh = sum(int(part.rows["is_zh"].sum()) for part in parts)
    summary = {"sources": sums, "rows": total, "zh_rows": num_zh, "max_samples": config.mix.max_samples}
    return Mixture(parts, _order(parts, config.mix.curriculum), drops, summary)


def _take_shares(parts: list[Candidates], config: Mixing, sums: dict[str, Any]) -> None:
    taken = config.sources
    shares: dict[str, int] = {}
    if config.mix.max_samples is not None:
        shares = shares_of(config.mix.max_samples, {part.source: taken[part.source].weight for part in parts})
    for part in parts:
        cap = taken[part.source].max_rows
        sums[part.source]["over_max_rows"] = _cut(part, cap)
        wanted = shares.get(part.source)
        if wanted is not None and len(part.rows) < wanted:
            log.warning("%s has %d rows, its share is %d: the total is lower", part.source, len(part.rows), wanted)
        sums[part.source]["over_share"] = _cut(part, wanted)


def _keep_zh_ratio(parts: list[Candidates], min_zh_ratio: float, sums: dict[str, Any]) -> None:
    others = [part.rows["draw"][~part.rows["is_zh"]] for part in parts]
    num_others = sum(map(len, others))
    allowed = most_others(sum(int(part.rows["is_zh"].sum()) for part in parts), min_zh_ratio)
    for part in parts:
        sums[part.source]["over_zh_ratio"] = 0
    if allowed is None or num_others <= allowed:
        return
    log.warning("Chinese rows are short of %g: %d of %d other rows are taken", min_zh_ratio, allowed, num_others)
    kept = np.zeros(num_others, bool)
    kept[lowest(np.concatenate(others), allowed)] = True
    for part, own in zip(parts, np.split(kept, np.cumsum([len(other) for other in others])[:-1]), strict=True):
        keep = part.rows["is_zh"].copy()
        keep[~part.rows["is_zh"]] = own
        sums[part.source]["over_zh_ratio"] = int((~own).sum())
        part.rows = part.rows[keep]


def _cut(part: Candidates, count: int | None) -> int:
    """Keep at most ``count`` rows, those with the lowest draws, and return how many went."""
    before = len(part.rows)
    if count is not None and count < before:
        part.rows = part.rows[lowest(part.rows["draw"], count)]
    return before - len(part.rows)


def _order(parts: list[Candidates], curriculum: str) -> Order:
    owner = np.repeat(np.arange(len(parts)), [len(part.rows) for part in parts])
    position = np.concatenate([np.arange(len(part.rows)) for part in parts])
    counted = ("draw", "length") if curriculum == "short_to_long" else ("draw",)
    keys = [owner] + [np.concatenate([part.rows[name] for part in parts]) for name in counted]
    order = np.lexsort(keys)  # the last key counts first
    return Order(owner[order], position[order])
