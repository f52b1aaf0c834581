"""Is a text so many lines of verse, each of as many Han characters, in couplets?"""

import re

from workflow_scripts.lib.evaluation.checks.quatrain import fault


def check(text: str, argument: str) -> str | None:
    """``verse:6x5``: six lines of five characters; each couplet may stand on a line of its own."""
    lines, _, length = argument.partition("x")
    return fault(re.sub(r"(?<=。)\s+", "", text), int(length), int(lines))
