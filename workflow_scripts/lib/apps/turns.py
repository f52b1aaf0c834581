"""Several that use one thing, each for a moment, in the order in which they came."""

import threading
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager


class Turns:
    """A lock that is handed round: who passes it on comes last among those who wait."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._queue: deque[int] = deque()  # of threads; the first one's turn it is

    @contextmanager
    def mine(self) -> Iterator[None]:
        """Wait for a turn, and have it until the block ends."""
        self._take()
        try:
            yield
        finally:
            self._leave()

    @contextmanager
    def passed_on(self) -> Iterator[None]:
        """Within ``mine``: let the others have their turns while the block runs, and wait for the next one."""
        self._leave()
        try:
            yield
        finally:
            self._take()

    def _take(self) -> None:
        me = threading.get_ident()
        with self._changed:
            self._queue.append(me)
            self._changed.wait_for(lambda: self._queue[0] == me)

    def _leave(self) -> None:
        with self._changed:
            self._queue.popleft()
            self._changed.notify_all()
