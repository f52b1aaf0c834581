"""Config of rejection sampling. Values, units and reasons stand in config/config.yaml."""

from typing import Annotated, Any, Literal

from pydantic import Field

from workflow_scripts.lib.config.fields import Count, Positive, Real, Section, Switch, Text


class Drawing(Section):
    """How replies are written."""

    num_samples: Count
    temperature: Positive
    top_p: Annotated[Real, Field(gt=0, le=1)]
    max_new_tokens: Count
    batch_size: Count
    engine: Literal["hf", "vllm"]


class Judging(Section):
    """What is taken of them."""

    verifier: Text
    verifier_options: dict[str, Any]
    pairs: Switch


class Sampling(Drawing, Judging):
    enabled: Switch
