"""What would change, as lines to read in a terminal."""

from collections.abc import Iterable
from itertools import islice
from typing import Any

from workflow_scripts.lib.cleaning.what_if import Comparison

Sample = tuple[dict[str, Any], dict[str, Any]]
_WIDTH = 100  # characters of a sample


def source_lines(name: str, compared: Comparison, going: list[Sample], coming: list[Sample]) -> list[str]:
    """Return what becomes of a source's rows, by reason, and samples of those that go and come."""
    kept_now = compared.num_rows - sum(compared.now.values())
    kept_then = compared.num_rows - len(compared.dropped)
    lines = [f"{name}: {compared.num_rows:,} rows, {kept_now:,} -> {kept_then:,} kept"]
    for reason in sorted(compared.now.keys() | compared.then.keys()):
        now, then = compared.now.get(reason, 0), compared.then.get(reason, 0)
        change = f"{then - now:+,}" if then != now else "="
        lines.append(f"  {reason:<20}{now:>12,}{then:>12,}{change:>12}")
    for word, found, samples in (("go", compared.going, going), ("come", compared.coming, coming)):
        lines.append(f"  {len(found):,} would {word}")
        for row, dropped in samples:
            lines += [f"    {dropped['id']}  {dropped['reason']}: {dropped['detail']}", f"      {_shown(row)}"]
    if compared.num_rewritten:
        lines.append(
            f"  {compared.num_rewritten:,} would be written anew (their lengths are those of the text as it is)"
        )
    return lines


def _shown(row: dict[str, Any]) -> str:
    messages = row["prompt"] + row["chosen"] if "prompt" in row else row["messages"]
    text = " | ".join(f"{message['role']}: {message['content']}" for message in messages).replace("\n", " ⏎ ")
    return text if len(text) <= _WIDTH else text[: _WIDTH - 1] + "…"


def mix_lines(now: dict[str, Any], then: dict[str, Any]) -> list[str]:
    """Return how many rows mixing drops or leaves of a source, for each reason that counts otherwise."""
    lines = []
    for name, sums in then["sources"].items():
        for kind in ("dropped", "not_taken"):
            old, new = now["sources"].get(name, {}).get(kind, {}), sums.get(kind, {})
            lines += [
                f"{name} {reason} {old.get(reason, 0):,} -> {new.get(reason, 0):,}"
                for reason in sorted(old.keys() | new.keys())
                if old.get(reason, 0) != new.get(reason, 0)
            ]
    return lines


def drop_lines(now: Iterable[dict[str, Any]], then: Iterable[dict[str, Any]], count: int) -> list[str]:
    """Return up to ``count`` lines of the ledger that mixing would write and has not written."""
    known = {(line["id"], line["reason"]) for line in now}
    new = (line for line in then if (line["id"], line["reason"]) not in known)
    return [f"  {line['id']}  {line['reason']}: {line['detail']}" for line in islice(new, count)]


def splits_line(now: dict[str, Any], then: dict[str, Any]) -> str:
    """Return what becomes of the splits of a use, told from their manifests."""
    parts = [f"{name} {now[name]['rows']:,} -> {then[name]['rows']:,} rows" for name in then if now[name] != then[name]]
    if not parts:
        return "the same bytes; nothing would be trained or evaluated again"
    is_trained = any(now[name] != then[name] for name in ("train", "val"))
    return f"{', '.join(parts)}; {'training' if is_trained else 'no training, but evaluation'} would run again"
