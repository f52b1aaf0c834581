"""The whole config as one tree of frozen models. Values, units and reasons stand in config/config.yaml."""

from typing import Annotated, Literal

from pydantic import Field

from workflow_scripts.lib.config.data import Clean, Mix, Source, Split
from workflow_scripts.lib.config.evaluation import Eval
from workflow_scripts.lib.config.export import Export
from workflow_scripts.lib.config.fields import Count, Section, Seed, Size, Text, optional
from workflow_scripts.lib.config.generation import Generation
from workflow_scripts.lib.config.sampling import Sampling
from workflow_scripts.lib.config.training import Align, Model, Sft


class LicensedModel(Model):
    license: Text
    fallbacks: list[Text]


class ChatGeneration(Generation):
    """With what is the chat's alone: evaluations see ``Generation``."""

    max_new_tokens: Count


class Tracking(Section):
    report_to: list[Literal["none", "tensorboard", "wandb", "swanlab", "trackio"]]


class KeptOutputs(Section):
    max_size: Size


# A step names the files of all shards in its command, which the system allows 128 KB.
Shards = Annotated[Count, Field(le=100)]


class Execution(Section):
    threads: Literal["auto"] | Count
    num_processes: Count
    launcher: Text
    unsloth_python: optional(Text)
    logging_steps: Count
    save_steps: Count
    shards: dict[str, Shards]
    store: KeptOutputs


class Config(Section):
    """The whole config after all layers."""

    recipe: Text
    hardware: Text
    seed: Seed
    model: LicensedModel
    sources: dict[Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_]*$")], Source]
    clean: Clean
    mix: Mix
    split: Split
    sampling: Sampling
    sft: Sft
    align: Align
    eval: Eval
    generation: ChatGeneration
    export: Export
    tracking: Tracking
    execution: Execution
