"""The page on which people score panel replies."""

from workflow_scripts.lib.apps import local_page
from workflow_scripts.lib.evaluation.failure_types import FAILURES
from workflow_scripts.lib.evaluation.panel_scores import CRITERIA, HIGHEST
from workflow_scripts.lib.reporting import panel_words


def page(token: str) -> local_page.Page:
    """Return the page.

    Args:
        token: What the page has to show with everything it asks for.
    """
    return local_page.page(
        "scoring_page",
        token,
        criteria=[(name, panel_words.CRITERIA[name], panel_words.HINTS[name]) for name in CRITERIA],
        highest=HIGHEST,
        failures=[(name, panel_words.FAILURES[name]) for name in FAILURES],
    )
