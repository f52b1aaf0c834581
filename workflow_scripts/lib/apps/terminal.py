"""Lines from a person at a terminal or from a script, and text for them."""

import re
import sys
from collections.abc import Iterator

from prompt_toolkit import PromptSession

PROMPT = "» "
# A model may write anything; in a terminal, control characters are commands.
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")


def lines() -> Iterator[str]:
    """Yield what is typed, or the lines of standard input where that is a file or a pipe."""
    if sys.stdin.isatty():
        return _typed()
    sys.stdin.reconfigure(encoding="utf-8", errors="replace")
    return iter(sys.stdin)


def _typed() -> Iterator[str]:
    """Yield one entry after the other; pasted line breaks belong to the entry. Ctrl-C empties it, Ctrl-D ends."""
    session: PromptSession[str] = PromptSession()
    while True:
        try:
            yield session.prompt(PROMPT)
        except KeyboardInterrupt:
            note("exit or Ctrl-D leaves")
        except EOFError:
            return


def say(piece: str) -> None:
    """Write a piece of a reply to standard output at once."""
    sys.stdout.write(_CONTROL.sub("", piece))
    sys.stdout.flush()


def note(text: str) -> None:
    """Write a remark to standard error: standard output holds replies and nothing else."""
    sys.stderr.write(f"{_CONTROL.sub('', text)}\n")
    sys.stderr.flush()
