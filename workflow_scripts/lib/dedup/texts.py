"""What of a row is compared with other rows: its prompt, its reply, and a pair's rejected reply."""

from typing import Any

Row = dict[str, Any]


def prompt_and_reply(row: Row) -> tuple[str, str]:
    """Return all that comes before the last reply, system messages left out, and that reply (the chosen one)."""
    messages = row["prompt"] + row["chosen"] if "prompt" in row else row["messages"]
    said = [message for message in messages if message["role"] != "system"]
    reply = said.pop()["content"] if said and said[-1]["role"] == "assistant" else ""
    return "\n".join(message["content"] for message in said), reply


def rejected_reply(row: Row) -> str | None:
    return row["rejected"][0]["content"] if "rejected" in row else None


def everything(row: Row) -> str:
    """Return all that a model would be trained on."""
    messages = row["prompt"] + row["chosen"] + row["rejected"] if "prompt" in row else row["messages"]
    return "\n".join(message["content"] for message in messages)
