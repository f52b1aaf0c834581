"""Whether a source lost more of its rows than bad luck explains."""

import logging
from collections import Counter

from workflow_scripts.lib.errors import UserError
from workflow_scripts.lib.readers.parsed import REST
from workflow_scripts.lib.records import Drop

log = logging.getLogger(__name__)

# Reasons for which nobody wants to lose a row; all others are choices of an adapter or its options.
_DAMAGE = {"unreadable", "repeated_key", "wrong_type", "invalid_unicode", "missing_field", "not_text", REST}
_MAX_DAMAGE = 0.1  # share of records: single bad rows are usual, a tenth of them means that something is misread
_SHOWN = 3  # reasons, and examples of them


class Losses:
    """Counts what becomes of the records of a source."""

    def __init__(self, source: str) -> None:
        self.num_rows = 0
        self.reasons: Counter[str] = Counter()
        self._source = source
        self._examples: dict[str, Drop] = {}

    def add(self, result: dict | Drop) -> None:
        if isinstance(result, Drop):
            self.reasons[result.reason] += 1
            self._examples.setdefault(result.reason, result)
        else:
            self.num_rows += 1

    def check(self) -> None:
        """Warn if many records are damaged.

        Raises:
            UserError: If there are no records, or no row is left.
        """
        num_drops = self.reasons.total()
        if not self.num_rows and not num_drops:
            change = "check that these are the right files"
            raise UserError("the files hold no rows", f"sources.{self._source}.from", change)
        if not self.num_rows:
            raise UserError(
                f"none of the {num_drops} records became a row: {self._told(self.reasons)}",
                f"sources.{self._source}",
                "correct the adapter, its options or the encoding of this source, or replace its files",
            )
        damaged = Counter({reason: count for reason, count in self.reasons.items() if reason in _DAMAGE})
        if damaged.total() > _MAX_DAMAGE * (self.num_rows + num_drops) or damaged[REST]:
            log.warning(
                "%s: %d of %d records are lost to damage: %s",
                self._source,
                damaged.total(),
                self.num_rows + num_drops,
                self._told(damaged),
            )

    def _told(self, reasons: Counter[str]) -> str:
        most = reasons.most_common(_SHOWN)
        told = [f"{count} {reason} ({self._example(reason)})" for reason, count in most]
        return "; ".join(told + [f"{len(reasons) - _SHOWN} other reasons"] * (len(reasons) > _SHOWN))

    def _example(self, reason: str) -> str:
        line = self._examples[reason].line("standardize")
        return f"{line['id']}: {line['detail']}"
