"""Names of the columns of a table."""

from collections import Counter
from collections.abc import Iterable

from workflow_scripts.lib.errors import UserError


def check_columns(names: Iterable[str], file: str) -> None:
    """Check that each name stands for one column; those without a name cannot be asked for.

    Raises:
        UserError: If two columns have one name.
    """
    repeated = next((name for name, count in Counter(names).items() if name and count > 1), None)
    if repeated is not None:
        raise UserError(f"two columns are named {repeated!r}", file, "give each column of the file its own name")
