"""Config of generation. Values, units and reasons stand in config/config.yaml."""

from typing import Annotated

from pydantic import Field

from workflow_scripts.lib.config.fields import CountOrZero, Positive, Real, Section, Switch


class Generation(Section):
    do_sample: Switch
    temperature: Positive
    top_p: Annotated[Real, Field(gt=0, le=1)]
    repetition_penalty: Positive
    no_repeat_ngram_size: CountOrZero
