"""One JSON text at a time: its value, or what is wrong with it."""

import json
from typing import Any

MAX_CHARS = 1 << 26  # of one record: more is not held in memory
MAX_DEPTH = 100  # levels: real rows have a handful, and code that follows a value down must not run out of stack
_REPEATED = "repeated_key"


class BadJsonError(Exception):
    """What is wrong with a JSON text.

    Args:
        problem: In words.
        position: Where in the text it shows.
        reason: Its name in the ledger.
        is_incomplete: Whether more text might mend it.
        end: Where the value ends, if it is known.
    """

    def __init__(
        self,
        problem: str,
        position: int,
        reason: str = "unreadable",
        is_incomplete: bool = False,
        end: int | None = None,
    ) -> None:
        self.problem, self.position, self.reason = problem, position, reason
        self.is_incomplete, self.end = is_incomplete, end
        super().__init__(problem)


class JsonDecoder:
    """Reads JSON as it is found: control characters inside text do no harm, NaN stays what it is.

    An object that gives two values to one key is refused: which one is meant cannot be known.
    """

    def __init__(self) -> None:
        self._repeated: str | None = None
        self._decoder = json.JSONDecoder(strict=False, object_pairs_hook=self._object)

    def whole(self, text: str) -> Any:
        """Return the value that a text is.

        Raises:
            BadJsonError: If it is none, or more than one.
        """
        value, end = self.first(text, 0)
        if end != len(text):
            raise BadJsonError("Extra data", end)
        return value

    def first(self, text: str, start: int) -> tuple[Any, int]:
        """Return the value that starts here and where it ends.

        Raises:
            BadJsonError: If there is none.
        """
        try:
            value, end = self._decoder.raw_decode(text, start)
        except json.JSONDecodeError as error:
            self._repeated = None
            # The longest word that can be cut off is -Infinity; a text that is cut off says where it began.
            is_cut = error.pos >= len(text) - 9 or error.msg.startswith("Unterminated string")
            raise BadJsonError(error.msg, error.pos, is_incomplete=is_cut) from None
        except RecursionError:
            self._repeated = None
            raise BadJsonError("nested too deeply", start) from None
        except ValueError as error:  # a number of more than 4300 digits
            self._repeated = None
            raise BadJsonError(str(error), start) from None
        if self._repeated is not None:
            key, self._repeated = self._repeated, None
            raise BadJsonError(f"the key {key[:40]!r} has two values", start, _REPEATED, end=end)
        if text.count("{", start, end) + text.count("[", start, end) > MAX_DEPTH and depth(value) > MAX_DEPTH:
            raise BadJsonError("nested too deeply", start, end=end)
        return value, end

    def _object(self, pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        value = dict(pairs)
        if len(value) != len(pairs):
            self._repeated = next((key for key, each in pairs if value[key] != each), self._repeated)
        return value


def depth(value: Any) -> int:
    """Return how many levels of lists and objects a value has."""
    levels, inside = 0, [value]
    while inside:
        inside = [each for each in inside if isinstance(each, (dict, list))]
        levels += bool(inside)
        inside = [part for each in inside for part in (each.values() if isinstance(each, dict) else each)]
    return levels
