"""DPO (arXiv:2305.18290, eq. 7), with label smoothing and R-DPO's length term."""

import torch
from torch.nn import functional as F

from workflow_scripts.lib.config.training import Align
from workflow_scripts.lib.training.preference_losses.pairs import Pairs

USES_REFERENCE = True
LIKELIHOOD = False


def terms(pairs: Pairs, align: Align) -> tuple[torch.Tensor, torch.Tensor]:
    """Return each pair's loss and reward margin.

    ``label_smoothing`` is the share of pairs taken to be labelled the wrong way round (conservative DPO), 0-0.5.
    """
    chosen, rejected = pairs.log_ratios
    margin = align.beta * (chosen - rejected)
    logits = margin + align.length_penalty * pairs.longer_by
    smoothing = align.label_smoothing
    return -(1 - smoothing) * F.logsigmoid(logits) - smoothing * F.logsigmoid(-logits), margin
