"""What mixing did to each source, in numbers that must agree."""

from collections import Counter

import numpy as np

from workflow_scripts.lib.accounting import Sums
from workflow_scripts.lib.mixing.mixing import Mixture

_QUOTA = "over_"  # what a quota leaves is counted under such a name, and not listed


def sums_of(mixture: Mixture) -> dict[str, Sums]:
    """Return the sums of every source: in as it was read, out as it stands in the order, dropped as the ledger has it.

    Raises:
        RuntimeError: If they do not agree.
    """
    taken = np.bincount(mixture.order.parts, minlength=len(mixture.parts)).tolist()
    listed: dict[str, Counter[str]] = {part.source: Counter() for part in mixture.parts}
    for drop in mixture.drops:
        listed[drop.id.partition("/")[0]][drop.reason] += 1
    sums = {}
    for number, part in enumerate(mixture.parts):
        counted = mixture.summary["sources"][part.source]
        not_taken = {name: count for name, count in counted.items() if name.startswith(_QUOTA) and count}
        sums[part.source] = Sums("mix", "rows", part.num_read, taken[number], listed[part.source], not_taken)
        sums[part.source].check(part.source)
    return sums
