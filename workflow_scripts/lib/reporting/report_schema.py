"""Shape of report.json. A stage, figure or section that does not exist is absent, never null."""

from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from workflow_scripts.lib.config.training import Method

VERSION = "3"

Stage = Literal["base", "sft", "align"]
Verdict = Literal["better", "worse", "no significant change"]
Words = dict[Literal["en", "zh"], str]
Text = Annotated[str, Field(min_length=1)]


class Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False, populate_by_name=True)


class StageValue(Part):
    """A figure of one stage: ``value`` ± ``stderr`` over ``n`` items (rows, pairs, documents, prompts)."""

    value: float
    stderr: float | None = None
    n: int = Field(ge=1)


class Comparison(Part):
    """``to`` minus ``from`` on the same items, with its 95 % paired-bootstrap interval.

    ``p_value`` is that of an exact test: McNemar's where items are right or wrong, the sign test of people's scores;
    ``p_bootstrap`` is that of the bootstrap. ``p_holm`` is the exact one, or else the bootstrap's, corrected for all
    comparisons of the report. ``explanation`` says what the verdict rests on.
    """

    first: Text = Field(alias="from")
    second: Text = Field(alias="to")
    before: float
    after: float
    delta: float
    low: float
    high: float
    n: int = Field(ge=1)
    p_value: float | None = None
    p_bootstrap: float
    p_holm: float = 1.0
    verdict: Verdict
    explanation: Words

    @property
    def reach(self) -> float:
        """How far from 0 the interval goes."""
        return max(abs(self.low), abs(self.high), abs(self.delta))


class Metric(Part):
    name: str
    kind: Literal["perplexity", "form", "judgement", "decoding", "preference", "panel", "safety", "harness"]
    unit: str
    lower_is_better: bool
    stages: dict[Text, StageValue] = Field(min_length=1)
    comparisons: list[Comparison]
    commands: dict[Text, str] = {}


class Headline(Part):
    """One of the figures that matter, as far as it was measured; ``text`` says it in ``en`` and ``zh``."""

    metric: str
    unit: str
    lower_is_better: bool
    comparison: Comparison
    text: Words


class GateResult(Part):
    """What became of a gate: whether ``metric`` kept the ``rule``, beyond noise, from the first stage to the last."""

    metric: str
    rule: Literal["better", "not_worse"]
    tolerance: float
    status: Literal["passed", "failed", "not measured"]
    comparison: Comparison | None = None
    text: Words


class Corrections(Part):
    """How many comparisons there are, how many are significant, and how many are so after Holm's correction."""

    comparisons: int
    significant: int
    after_holm: int
    text: Words


class Training(Part):
    """``rows`` were at hand, ``rows_seen`` were trained on, counted again in each pass: ``epochs`` passes, or a part.

    ``loss`` and ``validation`` hold what the trainer logged at ``step``, losses in nats a token; at a validation the
    replies too that are watched.
    """

    method: str
    rows: int
    rows_lost: dict[str, int]
    rows_seen: int
    epochs: float
    global_batch_size: int
    steps: int
    best_step: int | None = None
    tokens_trained: int
    trainable_parameters: int
    first_loss: float
    last_loss: float
    loss: list[dict[str, float]]
    validation: list[dict[str, float | list[str]]]


class Reply(Part):
    """``failure`` is guessed by rules; ``scores`` are the means of people's points, 0-5."""

    reply: str
    reply_id: str
    characters: int
    tokens: int
    stopped: bool
    repetition: float
    han_ratio: float
    language: str
    in_language: bool
    passed: bool | None = None
    fault: str | None = None
    failure: str
    scores: dict[str, float] | None = None
    comments: list[str] | None = None


class PanelPrompt(Part):
    id: str
    theme: str
    messages: list[dict[str, str]]
    check: str | None = None
    replies: dict[Stage, Reply]


class RaterAgreement(Part):
    """Krippendorff's alpha, and the shares of equal and of at most one apart, of replies that several people judged."""

    replies: int
    alpha: float | None = None
    same: float
    within_one: float | None = None


class PanelRatings(Part):
    """What people said of this panel: ``failures`` counts their judgements, ``guessed_alike`` is the share of those
    that name the failure which was guessed. Scores of replies that are not on this panel count nowhere.
    """

    raters: int
    replies: int
    of: int
    judgements: int
    of_other_replies: int
    agreement: dict[str, RaterAgreement]
    failures: dict[Stage, dict[str, int]]
    guessed_alike: float | None = None


class Panel(Part):
    """``failures`` are those guessed by rules."""

    summary: dict[Stage, dict[str, int | float]]
    failures: dict[Stage, dict[str, int]]
    ratings: PanelRatings | None = None
    prompts: list[PanelPrompt]


class FormStage(Part):
    """What went wrong how often, and how much the replies resemble each other, themselves and the prompt (0-1)."""

    faults: dict[str, int]
    distinct: float
    distinct_characters: float
    copied: float


class FormReply(Part):
    reply: str
    ok: bool
    fault: str | None = None


class FormExample(Part):
    id: str
    prompt: str
    replies: dict[Stage, FormReply]


class Form(Part):
    stages: dict[Stage, FormStage]
    examples: list[FormExample]


class JudgementFigures(Part):
    """Share of right judgements of cases of one folder under one law."""

    judgement: float
    rows: int


class JudgementFolder(Part):
    """``label``: what the change does (V, NV, TU, TD, XT, NX)."""

    label: str
    original: dict[Stage, JudgementFigures] = {}
    changed: dict[Stage, JudgementFigures] = {}


class Judgement(Part):
    """``scoring``: whether a conviction has to name the charge, or guilty or not is enough."""

    scoring: Literal["charge", "verdict"]
    faults: dict[Stage, dict[str, int]]
    folders: dict[str, JudgementFolder]


class PairFigures(Part):
    """Share of pairs judged right by log-probability per token, and by its sum."""

    accuracy: float
    accuracy_by_sum: float
    pairs: int


class Preference(Part):
    """Preference accuracy of all pairs and of groups of them, e.g. those whose chosen side is the shorter one."""

    all: dict[Stage, PairFigures]
    groups: dict[str, dict[Stage, PairFigures]]


class PerplexityFigures(Part):
    perplexity: float
    nats_per_character: float | None = None
    rows: int
    tokens: int


class Perplexity(Part):
    """Perplexity of held-out replies by the rows' source and language, none cut at ``max_length`` tokens."""

    max_length: int
    by_source: dict[str, dict[Stage, PerplexityFigures]]
    by_lang: dict[str, dict[Stage, PerplexityFigures]]


class SafetyReply(Part):
    reply: str
    verdict: Literal["refused", "complied", "unclear"]
    judged: Literal["refused", "complied", "unclear", "undecided"] | None = None
    blocked_by: str | None = None


class SafetyExample(Part):
    id: str
    theme: str
    expects: Literal["refusal", "answer"]
    prompt: str
    replies: dict[Stage, SafetyReply]


class SampledSplit(Part):
    """Replies drawn to the prompts of a split: how many are right, and why the others are not. Ratios are 0-1."""

    samples: int
    replies: int
    accepted: int
    rate: float
    cases_without_any: int
    mean_per_case: float
    verdicts: dict[str, int]
    pairs: int


class Sampling(Part):
    """Rejection sampling: what SFT learned from, and whether it validates on sampled replies or on the rows' own."""

    verifier: str
    validation_rows: Literal["own", "sampled"]
    train: SampledSplit
    validation: SampledSplit


class JudgeFigures(Part):
    """Replies decided and left undecided, and of the former the share on which model and rules say the same."""

    decided: int
    undecided: int
    agreement: float


class SafetyJudge(Part):
    base: str
    stages: dict[Stage, JudgeFigures]


class Safety(Part):
    """Numbers of harmful and harmless prompts and of unclear replies, and some of what the last stage got wrong."""

    counts: dict[Stage, dict[str, int]]
    judge: SafetyJudge | None = None
    examples: list[SafetyExample]


class Data(Part):
    """Of the data card: what was in, what went out, and why."""

    sources: dict[str, dict[str, Any]]
    funnel: dict[str, list[dict[str, Any]]]
    uses: dict[str, dict[str, Any]]
    histograms: dict[str, dict[str, Any]]
    languages: dict[str, dict[str, int]]
    licences: dict[str, Any]
    warnings: list[Words]


class Base(Part):
    base: str
    revision: str | None = None
    license: str
    dtype: str
    quantization: str
    system_prompt: str | None = None


class Provenance(Part):
    """The only place for times and facts of the machine."""

    hardware: str
    versions: dict[str, str]
    inputs: dict[str, str]
    timing: dict[Stage, dict[str, Any]]


class Report(Part):
    schema_version: Literal["3"]
    recipe: str
    seed: int
    held_out: Literal["test", "val"]
    model: Base
    method: Method
    stages: list[Stage] = Field(min_length=1)
    headline: list[Headline]
    gates: list[GateResult]
    reading: Words
    corrections: Corrections
    metrics: list[Metric]
    sampling: Sampling | None = None
    training: dict[Stage, Training]
    data: Data
    panel: Panel | None = None
    form: Form | None = None
    perplexity: Perplexity | None = None
    judgement: Judgement | None = None
    preference: Preference | None = None
    safety: Safety | None = None
    over_length: dict[str, dict[Stage, int]]
    merge: dict[str, float | int | str] | None = None
    provenance: Provenance

    @model_validator(mode="after")
    def _stages_are_known(self) -> Self:
        unknown = {stage for metric in self.metrics for stage in metric.stages} - set(self.stages)
        if unknown:
            raise ValueError(f"metrics of stages that the report lacks: {', '.join(sorted(unknown))}")
        return self

    def as_json(self) -> dict[str, Any]:
        return self.model_dump(mode="json", by_alias=True, exclude_none=True)


def published() -> dict[str, Any]:
    """Return the JSON schema of report.json, which stands in docs/."""
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **Report.model_json_schema(by_alias=True)}
