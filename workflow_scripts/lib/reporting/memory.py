"""How many parameters a model has by its config.json, and how much memory LoRA training on it takes, roughly."""

from dataclasses import dataclass
from typing import Any

LORA_RANK = 16  # the usual rank; twice of it costs two more hundredths of a 7B model's weights
# Bytes a weight. NF4: half a byte, and 0.127 bits of constants by double quantization (arXiv:2305.14314, section 3).
WEIGHT_BYTES = {"float32": 4.0, "bfloat16": 2.0, "nf4": 0.5 + 0.127 / 8}


@dataclass(frozen=True)
class Shape:
    """The sizes of a decoder-only transformer with gated MLPs, as config.json names them."""

    layers: int
    hidden: int
    intermediate: int
    heads: int
    key_value_heads: int
    head: int
    vocabulary: int
    tied: bool
    experts: int

    @property
    def linear_sizes(self) -> list[tuple[int, int]]:
        """Return inputs and outputs of the linear maps of one layer."""
        queries, keys = self.heads * self.head, self.key_value_heads * self.head
        attention = [(self.hidden, queries), (self.hidden, keys), (self.hidden, keys), (queries, self.hidden)]
        mlp = [(self.hidden, self.intermediate)] * 2 + [(self.intermediate, self.hidden)]
        return attention + mlp * self.experts

    @property
    def linear_parameters(self) -> int:
        return self.layers * sum(inputs * outputs for inputs, outputs in self.linear_sizes)

    @property
    def embedding_parameters(self) -> int:
        return self.vocabulary * self.hidden * (1 if self.tied else 2)

    @property
    def parameters(self) -> int:
        """Return the weights of all maps, of embeddings and of norms (two a layer and one at the end)."""
        return self.linear_parameters + self.embedding_parameters + self.hidden * (2 * self.layers + 1)

    def lora_parameters(self, rank: int) -> int:
        return self.layers * rank * sum(inputs + outputs for inputs, outputs in self.linear_sizes)


def shape_of(config: dict[str, Any]) -> Shape | None:
    """Return the sizes that a model's config.json tells; None for a model of another build."""
    config = config.get("text_config", config)
    names = ("num_hidden_layers", "hidden_size", "intermediate_size", "num_attention_heads", "vocab_size")
    if not all(isinstance(config.get(name), int) for name in names):
        return None
    layers, hidden, intermediate, heads, vocabulary = (config[name] for name in names)
    experts = config.get("num_local_experts") or config.get("num_experts") or 1
    return Shape(
        layers=layers,
        hidden=hidden,
        intermediate=config.get("moe_intermediate_size", intermediate) if experts > 1 else intermediate,
        heads=heads,
        key_value_heads=config.get("num_key_value_heads") or heads,
        head=config.get("head_dim") or hidden // heads,
        vocabulary=vocabulary,
        tied=bool(config.get("tie_word_embeddings", False)),
        experts=experts,
    )


def training_bytes(shape: Shape, weights: str, tokens: int, *, checkpointing: bool) -> int:
    """Estimate the memory of LoRA training, for one row of this many tokens a micro batch.

    The sum of

    * the frozen weights: ``WEIGHT_BYTES`` for each weight of a linear map; embeddings and norms are not quantized;
    * the adapter: 16 bytes a parameter (weight, gradient and both moments of AdamW in float32);
    * activations kept for the backward pass: 34 · tokens · hidden bytes a layer at 16 bits, with the attention matrix
      never stored (sdpa, flash); with gradient checkpointing 2 · tokens · hidden a layer and one layer in full
      (Korthikanti et al. 2022, arXiv:2205.05198, table 2); twice of it at 32 bits;
    * logits: tokens · vocabulary in float32, three times (logits, log-probabilities, gradient). This is an upper bound:
      where only the reply is learned, only its positions are projected.

    Against peaks that torchtune publishes for 8B models at 2048 tokens with checkpointing, 19.3 GiB stand for 16.2 and
    9.6 (NF4) for 7.4: it projects the logits in chunks. The framework's own memory, half a GiB to one GiB, comes on
    top, and the allocator's loss, about a tenth.

    Args:
        shape: The model.
        weights: A key of ``WEIGHT_BYTES``.
        tokens: Of one row, chat template included.
        checkpointing: Whether activations are computed again in the backward pass.
    """
    compute = 4 if weights == "float32" else 2
    fixed = shape.linear_parameters * WEIGHT_BYTES[weights]
    fixed += (shape.parameters - shape.linear_parameters) * compute
    adapter = 16 * shape.lora_parameters(LORA_RANK)
    layer = 34 * tokens * shape.hidden * compute / 2
    kept = shape.layers * 2 * tokens * shape.hidden * compute / 2 + layer if checkpointing else shape.layers * layer
    logits = 3 * 4 * tokens * shape.vocabulary
    return round(fixed + adapter + kept + logits)


def estimates(shape: Shape, tokens: int) -> list[dict[str, Any]]:
    """Return the estimate for each kind of weights, with and without gradient checkpointing."""
    return [
        {
            "weights": weights,
            "gradient_checkpointing": checkpointing,
            "bytes": training_bytes(shape, weights, tokens, checkpointing=checkpointing),
        }
        for weights in WEIGHT_BYTES
        for checkpointing in (False, True)
    ]
