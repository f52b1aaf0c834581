"""Dialogues written as one text with ``\\n\\nHuman:`` and ``\\n\\nAssistant:`` before the turns."""

import re
from typing import Any

from workflow_scripts.lib.adapters.conversations import Messages
from workflow_scripts.lib.records import RejectedRowError, text_of

# At the beginning of a paragraph only: the words stand inside texts too. "Hum" is a marker cut short in the data.
_MARKER = re.compile(r"(?:\A|\n\n)(Human|Hum|Assistant):\s*")


def transcript(value: Any, name: str) -> Messages:
    """Return the turns of a transcript.

    Raises:
        RejectedRowError: ``no_transcript``, or as ``text_of``.
    """
    before, *parts = _MARKER.split(text_of(value, name))
    if before.strip() or not parts:
        raise RejectedRowError("no_transcript", f"{name} does not begin with Human: or Assistant:")
    speakers, texts = parts[::2], parts[1::2]
    return [
        {"role": "assistant" if speaker == "Assistant" else "user", "content": text.strip()}  # normalized as a whole
        for speaker, text in zip(speakers, texts, strict=True)
    ]
