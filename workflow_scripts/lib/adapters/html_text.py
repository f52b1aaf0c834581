"""Text of HTML, as Markdown, in which code stays code."""

from typing import Any

from html_to_markdown import ConversionError, ConversionOptions, convert

from workflow_scripts.lib.records import RejectedRowError, text_of

_OPTIONS = ConversionOptions(extract_metadata=False)


def text_of_html(value: Any, name: str) -> str:
    """Return the text of HTML.

    Raises:
        RejectedRowError: ``bad_html``, or as ``text_of``.
    """
    html = text_of(value, name)
    if "<" not in html and "&" not in html:
        return html
    try:
        text = text_of(convert(html, _OPTIONS).content or "", name)
    except ConversionError as error:
        raise RejectedRowError("bad_html", f"{name}: {error}") from None
    if html and not text:
        raise RejectedRowError("bad_html", f"{name} has no text in its HTML")
    return text
