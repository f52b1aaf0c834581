"""The page on which people score panel replies: one document, nothing fetched from anywhere else."""

import base64
import hashlib
from dataclasses import dataclass
from pathlib import Path

from jinja2 import Environment, StrictUndefined
from markupsafe import Markup

from workflow_scripts.lib.evaluation.failure_types import FAILURES
from workflow_scripts.lib.evaluation.panel_scores import CRITERIA, HIGHEST
from workflow_scripts.lib.reporting import panel_words

HERE = Path(__file__)


@dataclass(frozen=True)
class Page:
    """A document, and the policy that allows its own style and script and nothing else."""

    html: str
    policy: str


def page(token: str) -> Page:
    """Return the page.

    Args:
        token: What the page has to show with everything it asks for.
    """
    style, script = (HERE.with_suffix(suffix).read_text(encoding="utf-8") for suffix in (".css", ".js"))
    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    environment.globals["t"] = both
    template = environment.from_string(HERE.with_suffix(".jinja").read_text(encoding="utf-8"))
    html = template.render(
        token=token,
        style=Markup(style),
        script=Markup(script),
        criteria=[(name, panel_words.CRITERIA[name], panel_words.HINTS[name]) for name in CRITERIA],
        highest=HIGHEST,
        failures=[(name, panel_words.FAILURES[name]) for name in FAILURES],
    )
    policy = (
        f"default-src 'none'; style-src {_digest(style)}; script-src {_digest(script)}; connect-src 'self'; "
        "img-src data:; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )
    return Page(html, policy)


def both(words: dict[str, str]) -> Markup:
    """Return a text in both languages; the style sheet shows the one that is chosen."""
    return Markup('<span lang="zh">{zh}</span><span lang="en">{en}</span>').format(**words)


def _digest(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"
