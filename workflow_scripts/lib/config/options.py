"""Options of a module that the config selects by name, checked against the module's own model."""

import difflib
from collections.abc import Iterable
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from workflow_scripts.lib.errors import UserError

Model = TypeVar("Model", bound=BaseModel)


def checked(model: type[Model], values: dict[str, Any], where: str) -> Model:
    """Return options as their model.

    Args:
        model: Of the selected module.
        values: As configured.
        where: Key of the config that holds them, e.g. ``sources.poems.options``.

    Raises:
        UserError: Naming the key and the legal keys, or what is wrong.
    """
    try:
        return model.model_validate(values)
    except ValidationError as error:
        problem = error.errors(include_url=False)[0]
    legal = sorted(model.model_fields)
    choice = f"legal options here: {', '.join(legal) or 'none'}"
    place = ".".join([where, *map(str, problem["loc"])])
    key = str(problem["loc"][0]) if problem["loc"] else ""
    if problem["type"] == "extra_forbidden":
        raise UserError(f"unknown option {key!r}", place, f"{hint(key, legal)}{choice}")
    if problem["type"] == "missing":
        raise UserError(f"missing option {key!r}", place, f"add it; {choice}")
    raise UserError(f"{key or 'options'} is {problem['input']!r}", place, problem["msg"].removeprefix("Value error, "))


def hint(name: str, known: Iterable[str]) -> str:
    near = difflib.get_close_matches(name, list(known), n=1)
    return f"did you mean {near[0]!r}? " if near else ""
