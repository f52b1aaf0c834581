"""Checked options of adapters."""

from pydantic import Field

from workflow_scripts.lib.config.fields import Section, Text


class AdapterOptions(Section):
    """Options that all adapters share. ``field_map``: the adapter's name of a column -> its name in the files."""

    field_map: dict[Text, Text] = Field(default_factory=dict)
