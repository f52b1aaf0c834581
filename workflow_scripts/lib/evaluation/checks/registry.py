"""The checks of replies by name. A new one is a module here, one line below, and its test.

A check takes the reply's text and, for names like ``max_chars:50``, the argument after the colon. It returns what is
wrong, or None.
"""

from collections.abc import Callable
from typing import NamedTuple

from workflow_scripts.lib.errors import UserError
from workflow_scripts.lib.evaluation.checks import contains, json_object, length, listing, quatrain, verse
from workflow_scripts.lib.evaluation.failure_types import Failure


class Check(NamedTuple):
    run: Callable[[str, str], str | None]
    failing_means: Failure


# Imported, not named: prompts choose checks in a data file, which no code digest reads.
CHECKS: dict[str, Check] = {
    "contains": Check(contains.check, "factual_error"),
    "json": Check(json_object.check, "format"),
    "list": Check(listing.check, "format"),
    "max_chars": Check(length.check_at_most, "verbose"),
    "min_chars": Check(length.check_at_least, "other"),
    "quatrain5": Check(quatrain.check_five, "format"),
    "quatrain7": Check(quatrain.check_seven, "format"),
    "verse": Check(verse.check, "format"),
}


def run_check(name: str, text: str, where: str) -> str | None:
    """Run a check such as ``quatrain5`` or ``max_chars:50`` and return what is wrong, or None.

    Raises:
        UserError: If there is no such check, or its argument is of no use.
    """
    name, _, argument = name.partition(":")
    if name not in CHECKS:
        raise UserError(f"unknown check {name!r}", where, f"choose one of: {', '.join(sorted(CHECKS))}")
    try:
        return CHECKS[name].run(text, argument)
    except ValueError as error:
        raise UserError(f"check {name!r}: {error}", where, "correct what follows the colon") from None


def failing_means(name: str) -> Failure:
    """Return what it says of a reply when this check fails."""
    return CHECKS[name.partition(":")[0]].failing_means
