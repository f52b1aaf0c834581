"""Config of the gates: what a trained model must not lose, or has to gain."""

from typing import Literal

from workflow_scripts.lib.config.fields import NotNegative, Section, Text

# what a gate may be about beside harness tasks, and figures of eval.decoding, which are named by its settings
KINDS = ("perplexity", "form", "judgement", "decoding", "preference", "panel", "safety", "harness")
FIGURES = (
    *("perplexity", "nats_per_character", "form", "judgement", "judgement_original", "judgement_changed"),
    *("preference_accuracy", "preference_margin", "panel_passed", "panel_score"),
    *("panel_score_following", "panel_score_content", "panel_score_language"),
    *("refusal_rate", "jailbreak_rate", "over_refusal_rate", "layered_jailbreak_rate", "layered_over_refusal_rate"),
    *("judged_refusal_rate", "judged_jailbreak_rate", "judged_over_refusal_rate"),
)


class Gate(Section):
    """``metric`` is a figure's name, or a kind such as ``harness`` for all figures of it.

    ``better``: it must gain, beyond noise, more than the tolerance; ``not_worse``: it must not lose that much.
    """

    metric: Text
    rule: Literal["better", "not_worse"]
    tolerance: NotNegative
