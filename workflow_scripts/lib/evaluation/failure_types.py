"""What can be wrong with a reply, as the automatic guess and people name it."""

from typing import Literal, get_args

Failure = Literal["none", "off_topic", "factual_error", "verbose", "format", "unsafe", "other"]
FAILURES: tuple[Failure, ...] = get_args(Failure)
