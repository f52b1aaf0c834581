"""Checked options of adapters."""

import difflib
from collections.abc import Iterable
from typing import Any, TypeVar

from pydantic import Field, ValidationError

from workflow_scripts.lib.config.fields import Section, Text
from workflow_scripts.lib.errors import UserError


class AdapterOptions(Section):
    """Options that all adapters share. ``field_map``: the adapter's name of a column -> its name in the files."""

    field_map: dict[Text, Text] = Field(default_factory=dict)


Model = TypeVar("Model", bound=AdapterOptions)


def checked(model: type[Model], values: dict[str, Any], source: str) -> Model:
    """Return a source's options as the adapter's model.

    Raises:
        UserError: Naming ``sources.<source>.options.<key>`` and the legal keys or what is wrong.
    """
    try:
        return model.model_validate(values)
    except ValidationError as error:
        problem = error.errors(include_url=False)[0]
    legal = sorted(model.model_fields)
    where = ".".join(["sources", source, "options", *map(str, problem["loc"])])
    key = str(problem["loc"][0]) if problem["loc"] else ""
    if problem["type"] == "extra_forbidden":
        raise UserError(f"unknown option {key!r}", where, f"{hint(key, legal)}legal options here: {', '.join(legal)}")
    if problem["type"] == "missing":
        raise UserError(f"missing option {key!r}", where, f"add it; legal options here: {', '.join(legal)}")
    raise UserError(f"{key or 'options'} is {problem['input']!r}", where, problem["msg"].removeprefix("Value error, "))


def hint(name: str, known: Iterable[str]) -> str:
    near = difflib.get_close_matches(name, list(known), n=1)
    return f"did you mean {near[0]!r}? " if near else ""
