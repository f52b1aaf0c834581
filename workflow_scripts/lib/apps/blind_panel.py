"""The panel as raters see it: replies without their stage, in an order that is each rater's own."""

import hashlib
from typing import Any


def blind(panels: list[dict[str, Any]], rater: str) -> list[dict[str, Any]]:
    """Return the prompts with their replies, both shuffled by the rater's name.

    The order is the same every time, and tells nothing: it follows from digests. Stages that said the same are shown
    once. Raters who do not finish have then judged different prompts.

    Args:
        panels: What ``evaluate_panel`` wrote, one a stage.
        rater: Who will judge.
    """
    prompts: dict[str, dict[str, Any]] = {}
    for sample in (sample for panel in panels for sample in panel["samples"]):
        asked = {"theme": sample["theme"], "messages": sample["messages"]}
        name = _digest(sample["id"], str(asked))
        prompt = prompts.setdefault(name, {"id": name, **asked, "replies": {}})
        prompt["replies"][sample["reply_id"]] = sample["reply"]
    shuffled = sorted(prompts.values(), key=lambda prompt: _digest(rater, prompt["id"]))
    return [prompt | {"replies": _shuffled(prompt["replies"], rater)} for prompt in shuffled]


def _shuffled(replies: dict[str, str], rater: str) -> list[dict[str, str]]:
    order = sorted(replies, key=lambda reply_id: _digest(rater, reply_id))
    return [{"id": reply_id, "text": replies[reply_id]} for reply_id in order]


def _digest(*parts: str) -> str:
    return hashlib.sha256("\x1f".join(parts).encode()).hexdigest()
