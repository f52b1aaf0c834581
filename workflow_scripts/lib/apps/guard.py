"""The refusal layer around a model that is talked with; evaluation measures it, as ``eval.safety.blocklists``."""

from pathlib import Path

from workflow_scripts.lib.cleaning.bounds import OWN_BLOCKLISTS
from workflow_scripts.lib.errors import UserError
from workflow_scripts.lib.evaluation.refusal_layer import blocked, lists_named
from workflow_scripts.lib.text import language

REFUSALS = {"zh": "抱歉，这个问题我不能回答。"}
ELSEWHERE = "Sorry, I cannot answer this."


class BlockedError(Exception):
    """A reply holds a word of a blocklist."""


class Guard:
    """Refuses where a prompt or its reply holds a word of a blocklist.

    Args:
        names: Blocklists as the config names them; none: nothing is refused.
        repository: The folder that files among them are relative to.

    Raises:
        UserError: If a list is not there or cannot be read.
    """

    def __init__(self, names: list[str], repository: Path) -> None:
        files = [repository / name for name in names if name not in OWN_BLOCKLISTS]
        for missing in (file for file in files if not file.is_file()):
            raise UserError(
                f"no file {missing}", "eval.safety.blocklists", f"name {', '.join(OWN_BLOCKLISTS)} or a file"
            )
        self._lists = lists_named(names, files)

    def check(self, prompt: str, reply: str) -> None:
        """Raise ``BlockedError`` if either holds such a word."""
        if self._lists and blocked([prompt], [reply], self._lists) != [None]:
            raise BlockedError

    @staticmethod
    def refusal(prompt: str) -> str:
        """Return what is answered instead, in Chinese to a Chinese prompt."""
        return REFUSALS.get(language(prompt), ELSEWHERE)
