"""People's scores of panel replies: the shape of a line, and which line counts.

A line is kept under the digest of the reply that it judges, prompt included. A model trained anew says something else
and so never inherits a score; one that says the same again keeps it.
"""

import json
import logging
from pathlib import Path
from typing import Annotated, Literal, get_args

from pydantic import Field, ValidationError

from workflow_scripts.lib.config.fields import Section
from workflow_scripts.lib.errors import UserError
from workflow_scripts.lib.evaluation.failure_types import Failure

log = logging.getLogger(__name__)
Criterion = Literal["following", "content", "language"]
CRITERIA: tuple[Criterion, ...] = get_args(Criterion)
HIGHEST = 5


class PanelScore(Section):
    """What one rater thinks of one reply, so far: criteria not yet judged are absent."""

    reply_id: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
    rater: Annotated[str, Field(pattern=r"^[^\s\p{C}]([^\p{C}]{0,38}[^\s\p{C}])?$")]
    scores: dict[Criterion, Annotated[int, Field(ge=0, le=HIGHEST)]]
    failure: Failure | None
    comment: Annotated[str, Field(max_length=10_000)]


Scores = dict[str, dict[str, PanelScore]]  # reply_id -> rater -> what counts


def read_scores(path: Path) -> Scores:
    """Return each rater's last word on each reply; none if there is no file.

    Raises:
        UserError: If a line is JSON and no score: someone edited the file.
    """
    found: Scores = {}
    lines = path.read_bytes().splitlines() if path.exists() else []
    for number, line in enumerate(lines, start=1):
        where = f"{path.name}, line {number}"
        try:
            value = json.loads(line)
        except ValueError:  # bytes that are not UTF-8 too
            log.warning("%s is not whole, left out: the page was killed while it wrote", where)
            continue
        try:
            score = PanelScore.model_validate(value)
        except ValidationError as error:
            fault = error.errors()[0]
            place = ".".join(map(str, fault["loc"])) or "the line"
            raise UserError(f"{place}: {fault['msg']}", where, "correct or remove the line") from None
        found.setdefault(score.reply_id, {})[score.rater] = score
    return found
