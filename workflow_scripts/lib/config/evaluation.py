"""Config of the evaluations. Values, units and reasons stand in config/config.yaml."""

from typing import Annotated, Literal

from pydantic import Field

from workflow_scripts.lib.config.fields import (
    Count,
    CountOrZero,
    Section,
    Switch,
    Text,
    Whole,
    optional,
)
from workflow_scripts.lib.config.gates import Gate
from workflow_scripts.lib.config.generation import Generation


class Perplexity(Section):
    enabled: Switch
    max_rows: optional(Count)


class PreferenceAccuracy(Section):
    enabled: Switch
    max_rows: optional(Count)


class Form(Section):
    enabled: Switch
    max_rows: optional(Count)
    max_new_tokens: Count


class Decoding(Section):
    enabled: Switch
    max_rows: Count
    num_replies: Count
    max_new_tokens: Count
    settings: dict[Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_]*$")], Generation]


class Judgement(Section):
    enabled: Switch
    sources: list[Text]
    max_rows: optional(Count)
    max_new_tokens: Count
    scoring: Literal["charge", "verdict"]


class Panel(Section):
    enabled: Switch
    prompts: Text
    max_new_tokens: Count


class SafetyReplies(Section):
    enabled: Switch
    prompts: optional(Text)
    max_rows: optional(Count)
    max_new_tokens: Count
    blocklists: list[Text]


class Judge(Section):
    base: Text
    revision: optional(Text)


class Safety(SafetyReplies):
    judge: optional(Judge)


class TaskOptions(Section):
    """What is other for one harness task than ``eval`` says; what is left out is as that says."""

    limit: optional(Count) = None
    num_fewshot: optional(CountOrZero) = None
    subsets: optional(Annotated[list[Text], Field(min_length=1)]) = None


class Eval(Section):
    stages: Annotated[list[Literal["base", "sft", "align"]], Field(min_length=1)]
    tasks: list[Text]
    limit: optional(Count)
    num_fewshot: optional(CountOrZero)
    per_task: dict[Text, TaskOptions]
    batch_size: Count
    generation_batch_size: Count
    bootstrap_samples: Annotated[Whole, Field(ge=100)]
    gates: list[Gate]
    perplexity: Perplexity
    preference: PreferenceAccuracy
    form: Form
    decoding: Decoding
    judgement: Judgement
    panel: Panel
    safety: Safety
