"""Config of what is exported. Values, units and reasons stand in config/config.yaml."""

from workflow_scripts.lib.config.fields import Dtype, Positive, Section, Size, optional


class Merged(Section):
    dtype: Dtype
    shard_size: optional(Size)
    max_mean_difference: Positive


class Export(Section):
    merged: Merged
