"""Config of what is exported. Values, units and reasons stand in config/config.yaml."""

from typing import Annotated, Literal

from pydantic import Field

from workflow_scripts.lib.config.fields import Dtype, Positive, Section, Size, optional

GgufKind = Literal["f16", "q8_0", "q4_0", "q4_1"]


class Merged(Section):
    dtype: Dtype
    shard_size: optional(Size)
    max_mean_difference: Positive


class Export(Section):
    merged: Merged
    gguf: optional(Annotated[list[GgufKind], Field(min_length=1)])
