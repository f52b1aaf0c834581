"""Config of the model and its training. Values, units and reasons stand in config/config.yaml."""

from typing import Annotated, Literal

from pydantic import Field

from workflow_scripts.lib.config.fields import (
    Count,
    CountOrZero,
    Dtype,
    NotNegative,
    Positive,
    Ratio,
    Real,
    Section,
    Seed,
    Switch,
    Text,
    optional,
)

# Of the names that transformers.TrainingArguments takes, those that need no further package or setting.
Optimizer = Literal[
    "adamw_torch",
    "adamw_torch_fused",
    "adamw_8bit",
    "paged_adamw_8bit",
    "paged_adamw_32bit",
    "ademamix",
    "ademamix_8bit",
    "paged_ademamix_8bit",
    "lion_32bit",
    "lion_8bit",
    "paged_lion_8bit",
    "adafactor",
    "rmsprop",
    "sgd",
]
Scheduler = Literal[
    "linear",
    "cosine",
    "cosine_with_restarts",
    "polynomial",
    "constant",
    "constant_with_warmup",
    "inverse_sqrt",
]

Method = Literal["orpo", "dpo", "simpo", "ipo", "none"]


class Model(Section):
    """How the base model is loaded; its licence, which changes no figure, stands in config/models.py."""

    base: Text
    revision: optional(Text)
    dtype: Dtype
    quantization: Literal["none", "nf4", "fp4", "int8"]
    attention: Literal["sdpa", "eager", "flash_attention_2"]
    chat_template: optional(Text)
    system_prompt: optional(Text)
    trust_remote_code: Switch


class Lora(Section):
    r: Count
    alpha: Positive
    dropout: Ratio
    target_modules: Literal["all-linear"] | Annotated[list[Text], Field(min_length=1)]
    use_dora: Switch
    use_rslora: Switch


class Sampler(Section):
    order: Literal["shuffled", "mixed_buckets"]
    buckets: Count
    min_zh_ratio: Ratio


class Training(Section):
    """What SFT and alignment share."""

    epochs: optional(Positive)
    max_steps: optional(Count)
    learning_rate: Positive
    global_batch_size: Count
    micro_batch_size: Count
    max_length: Count
    over_length: Literal["drop", "truncate"]
    max_lost_ratio: Ratio
    optimizer: Optimizer
    scheduler: Scheduler
    warmup_ratio: optional(Ratio)
    warmup_steps: optional(CountOrZero)
    weight_decay: NotNegative
    max_grad_norm: Positive
    gradient_checkpointing: Switch
    activation_offloading: Switch
    liger_kernel: Switch
    evaluations: optional(CountOrZero)
    evaluation_steps: optional(Count)
    early_stopping: optional(Count)
    watched_replies: CountOrZero
    sampler: Sampler
    seed: optional(Seed)


class Sft(Training):
    backend: Literal["transformers", "unsloth"]
    packing: Switch
    neftune_noise_alpha: optional(Positive)
    assistant_only_loss: Switch
    lora: Lora


class Align(Training):
    method: Method
    beta: Positive
    target_margin: NotNegative
    length_penalty: Real
    prompt_loss: Switch
    label_smoothing: Annotated[Real, Field(ge=0, lt=0.5)]
    reference_free: Switch
