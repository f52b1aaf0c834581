"""Samples of the data card as Markdown: rows that were kept, and rows that were dropped with the reason."""

from collections.abc import Iterator
from typing import Any

from workflow_scripts.lib.reporting.markdown import block, code, shortened


def samples(card: dict[str, Any]) -> Iterator[str]:
    """Yield the parts of the section."""
    for use, by_source in card["samples"]["kept"].items():
        for name, rows in by_source.items():
            if rows:
                yield f"### Kept 保留: {name} ({use})"
                yield from (f"{code(row['id'])}\n\n{block(_turns(row))}" for row in rows)
    for name, lines in card["samples"]["dropped"].items():
        if lines:
            yield f"### Dropped 剔除: {name}"
            yield from (_dropped(line) for line in lines)


def _dropped(line: dict[str, Any]) -> str:
    told = f"{code(line['id'])} · {line['step']} · {code(line['reason'])}"
    if line["withheld"]:
        return f"{told} (text withheld 内容不公开)"
    lines = [line["detail"]] if line["detail"] else []
    lines += _turns(line["row"]) if "row" in line else []
    return f"{told}\n\n{block(lines)}" if lines else told


def _turns(row: dict[str, Any]) -> list[str]:
    turns = row["prompt"] if "prompt" in row else row["messages"]
    lines = [f"{message['role']}: {shortened(message['content'])}" for message in turns]
    return lines + [f"{side}: {shortened(row[side][0]['content'])}" for side in ("chosen", "rejected") if side in row]
