"""The pictures of the data card, as SVG files: hubs show files and no inline markup, so each carries its own style."""

from collections.abc import Callable
from typing import Any

from markupsafe import escape

from workflow_scripts.lib.reporting.html_charts import round_ticks
from workflow_scripts.lib.reporting.words import STEPS, known

WIDTH = 760
_STYLE = (
    ":root{--paper:#fff;--ink:#23211d;--soft:#6f6a60;--line:#e4dfd3;--a:#4a6fa5;--b:#c07a1e;--c:#2f7d4f;--d:#b3372b;"
    "--e:#7a5aa6;--f:#8a8478}"
    "@media (prefers-color-scheme:dark){:root{--paper:#191815;--ink:#ece8df;--soft:#a49d90;--line:#38342d;--a:#86a9dd;"
    "--b:#e2a955;--c:#68b98a;--d:#e57a6d;--e:#b79be0;--f:#8f887b}}"
    'text{font:13px system-ui,-apple-system,"PingFang SC","Noto Sans CJK SC","Microsoft YaHei",sans-serif;'
    "fill:var(--soft)}.name{fill:var(--ink);font-weight:600}.line{stroke:var(--line)}.paper{fill:var(--paper)}"
    ".on{fill:var(--paper)}.a{fill:var(--a)}.b{fill:var(--b)}.c{fill:var(--c)}.d{fill:var(--d)}.e{fill:var(--e)}"
    ".f{fill:var(--f)}"
)
_COLOURS = "abcdef"
_UNITS = {"tokens": "tokens a row 每条词元数", "chars": "characters a row 每条字数"}


def pictures(card: dict[str, Any]) -> dict[str, str]:
    """Return the name of each picture and its SVG; a picture of nothing says so."""
    draw: dict[str, Callable[[dict[str, Any]], str]] = {
        "funnel": lambda card: funnel(card["funnel"]),
        "lengths": lambda card: lengths(card["histograms"]),
        "languages": lambda card: shares(card["languages"]),
        "turns": lambda card: shares(card["turns"]),
    }
    return {name: make(card) for name, make in draw.items()}


def funnel(steps_of: dict[str, list[dict[str, Any]]]) -> str:
    """Return a bar for the records of each source and one for what each step left of them."""
    parts, y = [], 8
    left, right = 170, 110
    for source, steps in steps_of.items():
        rows = [("records 原始记录", steps[0]["in"], "f")]
        for step in steps:
            words = known(STEPS, step["step"])
            rows.append((f"{words['en']} {words['zh']}", step["out"], "a"))
        widest = max(count for _, count, _ in rows) or 1
        parts.append(_text(0, y + 14, source, "name"))
        y += 24
        for label, count, colour in rows:
            width = max(1.0, count / widest * (WIDTH - left - right)) if count else 0
            parts.append(_text(left - 10, y + 13, label, anchor="end"))
            parts.append(_bar(left, y + 2, width, 14, colour))
            parts.append(_text(left + width + 8, y + 13, f"{count:,}"))
            y += 21
        y += 16
    return _svg(y, parts, "rows left after each step 各步骤之后剩下的条数")


def lengths(histograms: dict[str, dict[str, Any]]) -> str:
    """Return one histogram a source, two beside each other, each on its own scale."""
    columns, height, gap = 2, 190, 36
    width = (WIDTH - gap) / columns
    parts: list[str] = []
    for number, (source, found) in enumerate(histograms.items()):
        x, y = (number % columns) * (width + gap), (number // columns) * height + 6
        parts += _histogram(x, y, width, height - 20, source, found)
    rows = -(-len(histograms) // columns)
    return _svg(rows * height + 10, parts, "how long the rows are 数据长度分布")


def _histogram(x: float, y: float, width: float, height: float, source: str, found: dict[str, Any]) -> list[str]:
    edges, counts = found["edges"], found["counts"]
    ticks = [tick for tick in round_ticks(0, max(counts)) if tick == int(tick)]
    left, top, bottom = x + 52, y + 26, y + height - 38
    scale = (bottom - top) / ticks[-1]
    parts = [_text(x, y + 14, source, "name")]
    for tick in ticks:
        place = bottom - tick * scale
        parts.append(f'<line class="line" x1="{left:.1f}" x2="{x + width:.1f}" y1="{place:.1f}" y2="{place:.1f}"/>')
        parts.append(_text(left - 6, place + 4, f"{tick:,.0f}", anchor="end"))
    step = (x + width - left) / len(counts)
    parts += [
        _bar(left + number * step + 0.5, bottom - count * scale, max(1.0, step - 1), count * scale, "a")
        for number, count in enumerate(counts)
        if count
    ]
    every = max(1, -(-len(edges) // 6))
    for number in range(0, len(edges), every):
        parts.append(_text(left + number * step, bottom + 16, f"{edges[number]:g}", anchor="middle"))
    parts.append(_text((left + x + width) / 2, bottom + 33, _UNITS[found["measure"]], anchor="middle"))
    return parts


def shares(counts_of: dict[str, dict[str, int]]) -> str:
    """Return one bar a source, divided by category, with a legend over all."""
    names = sorted({name for counts in counts_of.values() for name in counts})
    colours = {name: _COLOURS[number % len(_COLOURS)] for number, name in enumerate(names)}
    parts, x = [], 0.0
    for name in names:
        parts += [_bar(x, 4, 14, 14, colours[name]), _text(x + 20, 16, name)]
        x += 44 + 8 * len(name)
    y, left = 32, 170
    for source, counts in counts_of.items():
        total, place = sum(counts.values()) or 1, float(left)
        parts.append(_text(left - 10, y + 15, _cut(source), "name", anchor="end"))
        for name in names:
            width = counts.get(name, 0) / total * (WIDTH - left)
            if width:
                parts.append(_bar(place, y, width, 20, colours[name]))
                label = f"{counts[name]:,} · {counts[name] / total:.0%}"
                if width > 8 * len(label):
                    parts.append(_text(place + width / 2, y + 15, label, "on", anchor="middle"))
            place += width
        y += 30
    return _svg(y + 6, parts, "shares of the rows 各类占比")


def _cut(name: str) -> str:
    return name if len(name) <= 22 else f"{name[:21]}…"


def _bar(x: float, y: float, width: float, height: float, colour: str) -> str:
    return f'<rect class="{colour}" x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="{height:.1f}" rx="1.5"/>'


def _text(x: float, y: float, text: str, style: str = "", anchor: str = "start") -> str:
    styled = f' class="{style}"' if style else ""
    return f'<text{styled} x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{escape(text)}</text>'


def _svg(height: float, parts: list[str], label: str) -> str:
    body = "".join(parts) or _text(0, 20, "no rows 没有数据")
    pad = 14
    height = max(height, 30)
    box = f"{-pad} {-pad} {WIDTH + 2 * pad} {height + 2 * pad:.0f}"
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="{box}" width="{WIDTH + 2 * pad}" role="img" '
        f'aria-label="{escape(label)}"><style>{_STYLE}</style>'
        f'<rect class="paper" x="{-pad}" y="{-pad}" width="{WIDTH + 2 * pad}" height="{height + 2 * pad:.0f}" rx="8"/>'
        f"{body}</svg>\n"
    )
