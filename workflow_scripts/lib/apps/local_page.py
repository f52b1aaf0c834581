"""Pages of this machine: one document each, nothing fetched from anywhere else."""

import base64
import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

HERE = Path(__file__)


@dataclass(frozen=True)
class Page:
    """A document, and the policy that allows its own style and script and nothing else."""

    html: str
    policy: str


def page(name: str, token: str, **values: Any) -> Page:
    """Return the page of ``<name>.jinja``, with the style and the script that all pages share before its own.

    Args:
        name: Of its files in this folder.
        token: What the page has to show with everything it asks for.
        values: What its template shows.
    """
    style, script = (
        "".join(HERE.with_name(part + suffix).read_text(encoding="utf-8") for part in (HERE.stem, name))
        for suffix in (".css", ".js")
    )
    environment = Environment(
        autoescape=True,
        loader=FileSystemLoader(HERE.parent),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals["t"] = both
    html = environment.get_template(f"{name}.jinja").render(
        token=token, style=Markup(style), script=Markup(script), **values
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
