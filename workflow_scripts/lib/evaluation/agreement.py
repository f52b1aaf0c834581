"""How far raters agree."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import combinations
from statistics import fmean
from typing import Literal

import krippendorff
import numpy as np

Level = Literal["nominal", "ordinal"]


@dataclass(frozen=True)
class Agreement:
    """Of the items that two raters or more have judged.

    Attributes:
        items: How many there are.
        alpha: Krippendorff's alpha: 1 is perfect, 0 what chance brings; None where all gave the same value to all.
        same: Share of the pairs of judgements of one item that are equal, 0-1.
        within_one: Share of those that are at most one apart, 0-1; None for names.
    """

    items: int
    alpha: float | None
    same: float
    within_one: float | None


def agreement(judgements: Iterable[Mapping[str, int]], level: Level) -> Agreement | None:
    """Return the agreement, or None if no item has two judgements.

    Args:
        judgements: Of each item, rater to value; names as numbers.
        level: ``ordinal`` for points, ``nominal`` for names.
    """
    shared = [item for item in judgements if len(item) > 1]
    if not shared:
        return None
    apart = [abs(one - other) for item in shared for one, other in combinations(item.values(), 2)]
    raters = sorted({rater for item in shared for rater in item})
    table = np.array([[item.get(rater, np.nan) for item in shared] for rater in raters], dtype=float)
    varied = len(np.unique(table[~np.isnan(table)])) > 1  # without it alpha is 0 / 0, which the library refuses
    return Agreement(
        items=len(shared),
        alpha=float(krippendorff.alpha(table, level_of_measurement=level)) if varied else None,
        same=fmean(distance == 0 for distance in apart),
        within_one=fmean(distance <= 1 for distance in apart) if level == "ordinal" else None,
    )
