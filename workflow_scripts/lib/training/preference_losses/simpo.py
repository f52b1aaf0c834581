"""SimPO (arXiv:2405.14734, eq. 6): mean log-probabilities with a target margin, without a reference."""

import torch
from torch.nn import functional as F

from workflow_scripts.lib.config.training import Align
from workflow_scripts.lib.training.preference_losses.pairs import Pairs

USES_REFERENCE = False
LIKELIHOOD = False


def terms(pairs: Pairs, align: Align) -> tuple[torch.Tensor, torch.Tensor]:
    """Return each pair's loss and reward margin; ``target_margin`` is the paper's gamma."""
    chosen, rejected = pairs.means
    margin = align.beta * (chosen - rejected)
    return -F.logsigmoid(margin - align.target_margin + align.length_penalty * pairs.longer_by), margin
