"""The DPO reference: log-probabilities of all pairs under the frozen SFT adapter, computed once before training."""

import logging
from typing import Any

from torch.utils.data import DataLoader

from workflow_scripts.lib.model_loading import device
from workflow_scripts.lib.processes import gathered, share_out
from workflow_scripts.lib.training.collate import PairCollator
from workflow_scripts.lib.training.preference_trainer import reference_log_probs

log = logging.getLogger(__name__)


def add_reference(model: Any, rows: list[dict], collator: PairCollator, batch_size: int) -> list[dict]:
    """Return the rows with ``reference_chosen`` and ``reference_rejected``, in nats.

    The model is the SFT adapter on its base, before the first step; each later epoch would compute the same
    figures again, so they are kept. Several processes share the rows out.
    """
    log.info("reference log-probabilities of %d pairs", len(rows))
    batches = DataLoader(share_out(rows), batch_size=batch_size, shuffle=False, collate_fn=collator)
    found = gathered(reference_log_probs(model, batches, device()), len(rows))
    return [
        {**row, "reference_chosen": chosen, "reference_rejected": rejected}
        for row, (chosen, rejected) in zip(rows, found, strict=True)
    ]
