"""Shape of card.json. A section that does not exist is absent, never null; a version names one shape."""

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

VERSION = 2

Use = Literal["sft", "preference"]
Words = dict[Literal["en", "zh"], str]


class Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False, populate_by_name=True)


class Model(Part):
    """The base model whose tokens are counted; ``parameters`` by its config.json."""

    base: str
    license: str
    parameters: int | None = None


class Source(Part):
    """``used`` says whether rows of it are in a split; ``raw`` names the raw files by one digest of their hashes."""

    use: Literal["sft", "preference", "evaluation"]
    adapter: str
    origin: str = Field(alias="from")
    revision: str | None = None
    license: str
    weight: float
    max_rows: int | None = None
    where: dict[str, list[Any]]
    options: dict[str, Any]
    used: bool
    raw: dict[str, Any] | None = None


class Step(Part):
    """in + further = out + dropped + not taken + joined; ``unit`` is that of ``in``, what comes out are rows."""

    step: str
    unit: Literal["records", "rows"]
    num_in: int = Field(alias="in", ge=0)
    num_out: int = Field(alias="out", ge=0)
    dropped: dict[str, int]
    not_taken: dict[str, int] = {}
    joined: int = 0
    further: int = 0
    splits: dict[str, int] | None = None


class Tokens(Part):
    """Tokens of the rows of one split; ``estimated_rows`` had none counted, and theirs follow from their characters."""

    total: int
    estimated_rows: int
    p50: float
    p95: float
    max: float


class UseSums(Part):
    rows: int
    splits: dict[str, int]
    languages: dict[str, int]
    licenses: dict[str, int]
    derived_rows: int
    derived_share: float
    tokens: dict[str, Tokens]
    size: dict[str, Any]
    instructions: dict[str, Any]


class Histogram(Part):
    """``counts[i]`` rows from ``edges[i]`` up to, not including, ``edges[i + 1]``; the last has all above too."""

    measure: Literal["tokens", "chars"]
    edges: list[float]
    counts: list[int]


class DroppedSample(Part):
    id: str
    step: str
    reason: str
    detail: str
    row: dict[str, Any] | None = None
    withheld: bool = False


class Samples(Part):
    kept: dict[Use, dict[str, list[dict[str, Any]]]]
    dropped: dict[str, list[DroppedSample]]


class Memory(Part):
    """Estimates for LoRA on one row of ``tokens`` tokens, the longest of the data and the template's share."""

    tokens: int
    lora_rank: int
    estimates: list[dict[str, Any]]


class Card(Part):
    version: Literal[2]
    recipe: str
    seed: int
    model: Model
    sources: dict[str, Source]
    licences: dict[str, Any]
    rules: dict[str, Any]
    funnel: dict[str, list[Step]]
    duplicates: dict[str, int]
    clusters: dict[str, dict[str, int]] = {}
    leaks: dict[str, dict[str, Any]]
    distributions: dict[str, dict[str, dict[str, float]]]
    histograms: dict[str, Histogram]
    languages: dict[str, dict[str, int]]
    turns: dict[str, dict[str, int]]
    uses: dict[Use, UseSums]
    memory: Memory | None = None
    warnings: list[Words]
    samples: Samples

    def as_json(self) -> dict[str, Any]:
        return self.model_dump(mode="json", by_alias=True, exclude_none=True)
