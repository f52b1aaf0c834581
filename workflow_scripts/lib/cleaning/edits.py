"""Changes of a standard row's text, made before anything is measured, hashed or compared."""

from typing import Any

from workflow_scripts.lib.cleaning.personal_data import masked
from workflow_scripts.lib.cleaning.reasoning import without_reasoning
from workflow_scripts.lib.config.fields import Section, Switch
from workflow_scripts.lib.records import content_hash, first_prompt_group
from workflow_scripts.lib.text import language

Row = dict[str, Any]
_PARTS = ("messages", "prompt", "chosen", "rejected")


class Edits(Section):
    """What is changed; what is only to be dropped is left to the filters."""

    mask_personal_data: Switch
    strip_reasoning: Switch


def edited(row: Row, edits: Edits) -> Row:
    """Return the row with its text changed and all that follows from the text; the very same row if nothing is.

    What was changed stands in ``meta.edits``, such as ``masked_mobile_number`` or ``stripped_reasoning``.
    """
    if not (edits.mask_personal_data or edits.strip_reasoning):
        return row
    found: set[str] = set()
    changed = {part: [_message(message, edits, found) for message in row[part]] for part in _PARTS if part in row}
    if not found:
        return row
    prompt = "messages" if "messages" in row else "prompt"
    contents = [message["content"] for part in changed.values() for message in part]
    told = contents[:-1] if "rejected" in row else contents
    result = row | changed | {"lang": language("\n".join(told))}
    if row["group"] == first_prompt_group(row[prompt]):
        result["group"] = first_prompt_group(changed[prompt])
    meta = row.get("meta", {})
    result["meta"] = (_masked(meta) if edits.mask_personal_data else meta) | {"edits": sorted(found)}
    result["hash"] = content_hash(contents)
    return {key: result[key] for key in sorted(result, key=_place)}


def _message(message: dict[str, str], edits: Edits, found: set[str]) -> dict[str, str]:
    content = message["content"]
    if edits.strip_reasoning and message["role"] == "assistant":
        content = _noted(without_reasoning(content), content, "stripped_reasoning", found)
    if edits.mask_personal_data:
        content, counts = masked(content)
        if counts:
            found.update(f"masked_{kind}" for kind in counts)
    return message if content == message["content"] else message | {"content": content}


def _masked(value: Any) -> Any:
    """Return what is kept beside a text, such as the facts that a prompt quotes, masked like the text."""
    if isinstance(value, dict):
        return {name: _masked(part) for name, part in value.items()}
    if isinstance(value, list):
        return [_masked(part) for part in value]
    return masked(value)[0] if isinstance(value, str) else value


def _noted(new: str, old: str, name: str, found: set[str]) -> str:
    if new != old:
        found.add(name)
    return new


def _place(key: str) -> int:
    """Keep the order of the contract: ``meta`` before ``hash``, which ends a row."""
    return {"meta": 1, "hash": 2}.get(key, 0)
