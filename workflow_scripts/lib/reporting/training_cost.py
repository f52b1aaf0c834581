"""How long LoRA training takes on a card, roughly: floating-point operations over what the card really does."""

from dataclasses import dataclass

from workflow_scripts.lib.reporting.memory import Shape

# Operations a weight and token. Forward 2; backward 2, for the activations only: frozen weights need no gradient.
# Recomputed activations (gradient checkpointing) are another forward pass. Left out: the adapters, a hundredth of it,
# and attention itself, a twentieth at 2048 tokens.
FORWARD, BACKWARD = 2, 2
# Of the card's peak, with recomputation counted as work. torchtune publishes 2,413 tokens a second for QLoRA of an 8B
# model at 2048 tokens on an RTX 4090: 0.70. Half leaves room for padding, 4-bit weights and a card that is not new.
SHARE_OF_PEAK = 0.5


@dataclass(frozen=True)
class Machine:
    """What trains: dense peak in TFLOPS at the precision of training, and the share of it that is reached."""

    name: str
    teraflops: float
    share: float


# NVIDIA's Ada whitepaper, FP16 with FP32 accumulation; docs/benchmarks.md for the CPU, whose figure is what it reached.
MACHINES = {
    "rtx4090": Machine("RTX 4090", 165.2, SHARE_OF_PEAK),
    "cpu": Machine("2 CPU cores", 0.15, 1.0),
}


def training_seconds(shape: Shape, tokens: float, machine: Machine, *, checkpointing: bool, reference: bool) -> float:
    """Estimate the time of training on so many tokens, all passes counted.

    Args:
        shape: The model.
        tokens: Of whole dialogues; of pairs, prompt and both replies once.
        machine: What trains.
        checkpointing: Whether activations are computed again in the backward pass.
        reference: Whether a reference reads the tokens once more (DPO and IPO, in their first epoch).
    """
    weights = shape.linear_parameters + shape.vocabulary * shape.hidden  # looking up an embedding is no work
    passes = FORWARD + BACKWARD + (FORWARD if checkpointing else 0) + (FORWARD if reference else 0)
    return passes * weights * tokens / (machine.teraflops * 1e12 * machine.share)
