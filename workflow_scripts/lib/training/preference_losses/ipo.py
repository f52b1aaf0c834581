"""IPO (arXiv:2310.12036, eq. 17), on log-ratios per token, as TRL has it: sums would follow the length."""

import torch

from workflow_scripts.lib.config.training import Align
from workflow_scripts.lib.training.preference_losses.pairs import Pairs

USES_REFERENCE = True
LIKELIHOOD = False


def terms(pairs: Pairs, align: Align) -> tuple[torch.Tensor, torch.Tensor]:
    """Return each pair's loss and reward margin; ``beta`` is the paper's tau."""
    chosen, rejected = pairs.log_ratios
    difference = chosen / pairs.chosen_tokens - rejected / pairs.rejected_tokens
    shifted = difference + align.length_penalty * pairs.longer_by
    return (shifted - 1 / (2 * align.beta)) ** 2, align.beta * difference
