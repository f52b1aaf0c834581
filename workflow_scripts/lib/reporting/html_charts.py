"""Charts as inline SVG: numbers in, markup out. Colours come from the page's style sheet, by class."""

import math
from dataclasses import dataclass

from markupsafe import Markup, escape

from workflow_scripts.lib.reporting.words import Words

WIDTH, HEIGHT = 440, 250
LEFT, RIGHT, TOP, BOTTOM = 52, 14, 12, 40


@dataclass(frozen=True)
class Series:
    """Points to draw as a line; ``style`` is a class of the style sheet."""

    points: list[tuple[float, float]]
    style: str
    dots: bool = False


def line_chart(series: list[Series], x_label: Words, y_label: Words) -> Markup:
    """Return a line chart with axes that start and end at round numbers."""
    series = [line for line in series if line.points]
    if not series:
        return Markup()
    xs = [x for line in series for x, _ in line.points]
    ys = [y for line in series for _, y in line.points]
    x_ticks, y_ticks = round_ticks(min(xs), max(xs), whole=True), round_ticks(min(ys), max(ys))

    def position(x: float, y: float) -> tuple[float, float]:
        across = (x - x_ticks[0]) / (x_ticks[-1] - x_ticks[0])
        up = (y - y_ticks[0]) / (y_ticks[-1] - y_ticks[0])
        return LEFT + across * (WIDTH - LEFT - RIGHT), HEIGHT - BOTTOM - up * (HEIGHT - TOP - BOTTOM)

    parts = []
    for tick in y_ticks:
        _, y = position(x_ticks[0], tick)
        parts.append(f'<line class="grid" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y:.1f}" y2="{y:.1f}"/>')
        parts.append(f'<text x="{LEFT - 8}" y="{y + 4:.1f}" text-anchor="end">{tick:g}</text>')
    for tick in x_ticks:
        x, y = position(tick, y_ticks[0])
        parts.append(f'<line class="grid" x1="{x:.1f}" x2="{x:.1f}" y1="{y:.1f}" y2="{y + 5:.1f}"/>')
        parts.append(f'<text x="{x:.1f}" y="{y + 18:.1f}" text-anchor="middle">{tick:g}</text>')
    for line in series:
        places = [position(x, y) for x, y in sorted(line.points)]
        path = " ".join(f"{x:.1f},{y:.1f}" for x, y in places)
        parts.append(f'<polyline class="{escape(line.style)}" points="{path}"/>')
        if line.dots:
            parts += [f'<circle class="{escape(line.style)}" cx="{x:.1f}" cy="{y:.1f}" r="3.5"/>' for x, y in places]
    middle = (TOP + HEIGHT - BOTTOM) / 2
    for language in ("zh", "en"):
        place_x = f'x="{(LEFT + WIDTH) / 2}" y="{HEIGHT - 4}"'
        place_y = f'x="12" y="{middle}" transform="rotate(-90 12 {middle})"'
        for place, label in ((place_x, x_label), (place_y, y_label)):
            parts.append(f'<text lang="{language}" {place} text-anchor="middle">{escape(label[language])}</text>')
    return _svg(WIDTH, HEIGHT, "".join(parts), f"{y_label['zh']} / {x_label['zh']}")


def histogram(edges: list[float], counts: list[int], label: Words) -> Markup:
    """Return columns of counts over round numbers: ``counts[i]`` from ``edges[i]`` up to ``edges[i + 1]``."""
    height, bottom = 150, 36
    ticks = round_ticks(edges[0], edges[-1], whole=True)
    most = max([*counts, 1])

    def across(value: float) -> float:
        return 8 + (value - ticks[0]) / (ticks[-1] - ticks[0]) * (WIDTH - 30)

    parts = []
    for low, high, count in zip(edges, edges[1:], counts, strict=False):
        tall = count / most * (height - TOP - bottom)
        x, width = across(low), max(across(high) - across(low) - 0.5, 0.5)
        top = height - bottom - tall
        parts.append(f'<rect class="column" x="{x:.1f}" y="{top:.1f}" width="{width:.1f}" height="{tall:.1f}"/>')
    base = height - bottom
    parts.append(f'<line class="grid" x1="8" x2="{WIDTH - 22}" y1="{base}" y2="{base}"/>')
    parts += [f'<text x="{across(t):.1f}" y="{base + 16}" text-anchor="middle">{t:g}</text>' for t in ticks[1:-1]]
    for language in ("zh", "en"):
        place = f'x="{WIDTH / 2}" y="{height - 2}" text-anchor="middle"'
        parts.append(f'<text lang="{language}" {place}>{escape(label[language])}</text>')
    return _svg(WIDTH, height, "".join(parts), f"{label['zh']}: {sum(counts)}")


def interval(delta: float, low: float, high: float, *, extent: float, lower_is_better: bool, verdict: str) -> Markup:
    """Return a difference with its interval around 0: to the right is better.

    Args:
        extent: The largest difference that has a place; the same for all rows that are to be compared by eye.
    """
    width, height, middle = 220, 26, 110
    flip = -1 if lower_is_better else 1
    low_x, x, high_x = (middle + flip * value / (extent or 1.0) * (middle - 8) for value in (low, delta, high))
    style = {"better": "better", "worse": "worse"}.get(verdict, "same")
    start, end = min(low_x, high_x), max(low_x, high_x)
    body = (
        f'<line class="zero" x1="{middle}" x2="{middle}" y1="2" y2="{height - 2}"/>'
        f'<line class="interval {style}" x1="{start:.1f}" x2="{end:.1f}" y1="13" y2="13"/>'
        f'<line class="interval {style}" x1="{start:.1f}" x2="{start:.1f}" y1="8" y2="18"/>'
        f'<line class="interval {style}" x1="{end:.1f}" x2="{end:.1f}" y1="8" y2="18"/>'
        f'<circle class="point {style}" cx="{x:.1f}" cy="13" r="5"/>'
    )
    return _svg(width, height, body, f"{delta:g} [{low:g}, {high:g}]")


def bar(share: float) -> Markup:
    """Return a bar filled to a share, 0-1."""
    filled = 200 * min(max(share, 0.0), 1.0)
    body = (
        '<rect class="track" width="200" height="10" rx="5"/>'
        f'<rect class="fill" width="{filled:.1f}" height="10" rx="5"/>'
    )
    return _svg(200, 10, body, f"{share:.1%}")


def round_ticks(low: float, high: float, *, whole: bool = False) -> list[float]:
    """Return four to eight round numbers that enclose a range."""
    if high <= low:
        low, high = low - 0.5, high + 0.5
    raw = (high - low) / 5
    power = 10 ** math.floor(math.log10(raw))
    step = next(power * factor for factor in (1, 2, 2.5, 5, 10) if power * factor >= raw)
    if whole:
        step = max(1.0, math.ceil(step))
    first, last = math.floor(low / step), math.ceil(high / step)
    return [round(number * step, 10) for number in range(first, last + 1)]


def _svg(width: int, height: int, body: str, label: str) -> Markup:
    return Markup(f'<svg viewBox="0 0 {width} {height}" role="img" aria-label="{escape(label)}">{body}</svg>')
