"""Config of the gates: what a trained model must not lose, or has to gain."""

from typing import Literal

from workflow_scripts.lib.config.fields import NotNegative, Section, Text


class Gate(Section):
    """``metric`` is a figure's name, or a kind such as ``harness`` for all figures of it.

    ``better``: it must gain, beyond noise, more than the tolerance; ``not_worse``: it must not lose that much.
    """

    metric: Text
    rule: Literal["better", "not_worse"]
    tolerance: NotNegative
