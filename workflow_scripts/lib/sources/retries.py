"""Trying again what a network or a busy server made fail."""

import logging
import time
from collections.abc import Callable, Iterator
from typing import TypeVar

from urllib3.exceptions import InvalidHeader
from urllib3.util import Retry

log = logging.getLogger(__name__)

Result = TypeVar("Result")

BUSY = (408, 425, 429, 500, 502, 503, 504)  # answers that another try may mend
_PAUSES = (1.0, 2.0, 4.0, 8.0)  # seconds before the second to fifth try
_PAUSES_UNREACHABLE = (1.0, 3.0)  # nobody answers at all: seldom mended by waiting
_LONGEST = 300.0  # seconds that a server may ask us to wait; with more to wait, a person decides


class TransientError(Exception):
    """Something failed that may go well a little later.

    Args:
        what: What happened, without addresses (they can hold signatures).
        wait: Seconds that the server asks us to wait, if it does.
        unreachable: Whether there was no answer at all.
        progress: Whether some of the work was done, so that the count of tries starts anew.
    """

    def __init__(self, what: str, wait: float | None = None, unreachable: bool = False, progress: bool = False) -> None:
        super().__init__(what)
        self.what, self.wait, self.unreachable, self.progress = what, wait, unreachable, progress


def patiently(attempt: Callable[[], Result]) -> Result:
    """Call until it succeeds, with growing pauses or those that the server asks for.

    Raises:
        TransientError: The last one, when it has failed too often or the server asks for too long a wait.
    """
    pauses = iter(())
    kind = None
    while True:
        try:
            return attempt()
        except TransientError as error:
            if error.progress or kind is not error.unreachable:
                kind, pauses = error.unreachable, _pauses(error.unreachable)
            pause = next(pauses, None)
            if pause is None or (error.wait or 0) > _LONGEST:
                raise
            pause = max(pause, error.wait or 0)
            log.info("%s; next try in %.0f s", error.what, pause)
            time.sleep(pause)


def wait_asked_for(header: str | None) -> float | None:
    """Return the seconds that a ``Retry-After`` header means, given as seconds or as a date; none if it is unusable."""
    try:
        return Retry().parse_retry_after(header) if header else None
    except InvalidHeader:
        return None


def _pauses(unreachable: bool) -> Iterator[float]:
    return iter(_PAUSES_UNREACHABLE if unreachable else _PAUSES)
