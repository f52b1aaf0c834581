"""What an alignment loss is told about a batch of pairs."""

from dataclasses import dataclass

import torch


@dataclass(frozen=True)
class Pairs:
    """Log-probabilities (natural logarithm) and lengths of the two sides, each (batch,).

    Attributes:
        chosen: Summed log-probability of the chosen completion under the policy, below 0.
        rejected: The same of the rejected one.
        chosen_tokens: Tokens of the chosen completion.
        rejected_tokens: The same of the rejected one.
        chosen_reference: Summed log-probability under the reference; 0 without one.
        rejected_reference: The same of the rejected side.
    """

    chosen: torch.Tensor
    rejected: torch.Tensor
    chosen_tokens: torch.Tensor
    rejected_tokens: torch.Tensor
    chosen_reference: torch.Tensor | float = 0.0
    rejected_reference: torch.Tensor | float = 0.0

    @property
    def longer_by(self) -> torch.Tensor:
        """How many tokens longer the chosen side is.

        Times ``length_penalty`` this shifts the logits as in R-DPO (arXiv:2403.19159): a longer chosen side counts as
        already preferred, so length alone earns nothing.
        """
        return self.chosen_tokens - self.rejected_tokens

    @property
    def means(self) -> tuple[torch.Tensor, torch.Tensor]:
        """Mean log-probability per token of both sides."""
        return self.chosen / self.chosen_tokens, self.rejected / self.rejected_tokens

    @property
    def log_ratios(self) -> tuple[torch.Tensor, torch.Tensor]:
        """Log-probability under the policy minus that under the reference, of both sides."""
        return self.chosen - self.chosen_reference, self.rejected - self.rejected_reference
