"""Is a reply JSON, bare or in one fenced block, of the shape that a JSON schema asks for?"""

import json
import re
from collections.abc import Iterator
from typing import Annotated, Any

from jsonschema import Draft202012Validator
from jsonschema.exceptions import SchemaError, best_match
from pydantic import AfterValidator

from workflow_scripts.lib.verifiers.base import RIGHT, Gold, Verdict, VerifierOptions, question_and_answer, wrong
from workflow_scripts.lib.verifiers.plain_text import said

_FENCE = re.compile(r"^```(?:json)?\s*\n(.*?)\n?```$", re.DOTALL | re.IGNORECASE)


def _checked(schema: dict[str, Any]) -> dict[str, Any]:
    try:
        Draft202012Validator.check_schema(schema)
    except SchemaError as error:
        raise ValueError(f"no JSON schema: {error.message}") from None
    for address in _references(schema):
        if not address.startswith("#"):
            raise ValueError(f"the schema refers to {address}, and nothing is fetched: put it into $defs")
    return schema


def _references(schema: Any) -> Iterator[str]:
    if isinstance(schema, dict):
        yield from (value for key, value in schema.items() if key == "$ref" and isinstance(value, str))
    for part in schema.values() if isinstance(schema, dict) else schema if isinstance(schema, list) else []:
        yield from _references(part)


class Options(VerifierOptions):
    """``json_schema``: a JSON schema, draft 2020-12."""

    json_schema: Annotated[dict[str, Any], AfterValidator(_checked)]


def verify(reply: str, gold: Gold, options: Options) -> Verdict:
    text = said(reply)
    if text is None:
        return wrong("unfinished_thought")
    text = text.strip()
    fenced = _FENCE.match(text)
    try:
        value = json.loads(fenced.group(1) if fenced else text, parse_constant=_refuse)
    except (ValueError, RecursionError):
        return wrong("not_json")
    error = best_match(Draft202012Validator(options.json_schema).iter_errors(value))
    return RIGHT if error is None else wrong(f"schema_{error.validator}")


def columns(row: dict[str, Any]) -> dict[str, Any]:
    return question_and_answer(row)


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant} is no JSON")
