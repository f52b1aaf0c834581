"""Config of the data stages. Values, units and reasons stand in config/config.yaml."""

from typing import Any, Literal

from pydantic import Field

from workflow_scripts.lib.config.fields import (
    Count,
    CountOrZero,
    Encoding,
    NotNegative,
    Ratio,
    Section,
    Seed,
    Switch,
    Text,
    optional,
)

Languages = list[Literal["zh", "en", "other"]]
PersonalData = Literal["drop", "mask", "keep"]
Reasoning = Literal["keep", "strip", "drop"]
Refusals = Literal["keep", "drop"]


class NearDuplicates(Section):
    enabled: Switch
    action: Literal["drop", "group"]
    threshold: Ratio
    ngram: Count
    num_perm: Count
    max_same_replies: optional(Count)


class Decontaminate(Section):
    enabled: Switch
    max_overlap: Ratio
    ngram: Count


class Clean(Section):
    min_chars: optional(CountOrZero)
    max_chars: optional(Count)
    min_tokens: optional(CountOrZero)
    max_tokens: optional(Count)
    languages: optional(Languages)
    min_han_ratio: optional(Ratio)
    allow_english: Switch
    max_english_ratio: optional(Ratio)
    max_repetition: optional(Ratio)
    repetition_ngram: Count
    max_mojibake: optional(Ratio)
    blocklists: list[Text]
    pii: PersonalData
    reasoning: Reasoning
    refusals: Refusals
    near_duplicates: NearDuplicates
    decontaminate: Decontaminate


class CleanOverrides(Section):
    """A source's own bounds; a key left out keeps the value of ``clean``."""

    min_chars: optional(CountOrZero) = None
    max_chars: optional(Count) = None
    min_tokens: optional(CountOrZero) = None
    max_tokens: optional(Count) = None
    languages: optional(Languages) = None
    min_han_ratio: optional(Ratio) = None
    allow_english: Switch = False
    max_english_ratio: optional(Ratio) = None
    max_repetition: optional(Ratio) = None
    max_mojibake: optional(Ratio) = None
    blocklists: list[Text] = Field(default_factory=list)
    pii: PersonalData = "keep"
    reasoning: Reasoning = "keep"
    refusals: Refusals = "keep"


class Source(Section):
    """Where rows come from and what they are used for. Keys left out are off."""

    use: Literal["sft", "preference", "evaluation"]
    adapter: Text
    origin: Text = Field(alias="from")
    revision: optional(Text) = None
    encoding: optional(Encoding) = None
    weight: NotNegative = 1.0
    max_rows: optional(Count) = None
    where: dict[str, list[Any]] = Field(default_factory=dict)
    options: dict[str, Any] = Field(default_factory=dict)
    clean: CleanOverrides = CleanOverrides()
    license: Text


class MixUse(Section):
    max_samples: optional(Count)
    min_zh_ratio: Ratio
    curriculum: Literal["none", "short_to_long"]


class MixPreference(MixUse):
    derived: Literal["take", "refuse"]


class Mix(Section):
    sft: MixUse
    preference: MixPreference


class Split(Section):
    train: Ratio
    val: Ratio
    test: Ratio
    seed: Seed
