"""How many rows a training run came by, which is not how many it had at hand."""


def usable_rows(rows: int, rows_lost: dict[str, int]) -> int:
    """Return the rows that could be trained on: those read without those dropped; truncated ones stay."""
    return rows - sum(count for reason, count in rows_lost.items() if reason != "truncated")


def rows_seen(usable: int, steps: int, batch_size: int) -> int:
    """Return the rows trained on, a row of two passes counted twice; the last batch of a pass may be short.

    Args:
        usable: Rows that could be trained on.
        steps: Optimizer steps.
        batch_size: Rows an optimizer step.
    """
    batches = -(-usable // batch_size)
    if not batches:
        return 0
    passes, rest = divmod(steps, batches)
    return passes * usable + min(rest * batch_size, usable)
