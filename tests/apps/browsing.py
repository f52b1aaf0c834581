"""A page of this machine in a real browser, and what may go wrong there."""

import shutil

import pytest
from playwright.sync_api import Browser, Page, expect

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
DESKTOP, PHONE = {"width": 1280, "height": 800}, {"width": 390, "height": 844}
needs_chromium = pytest.mark.skipif(CHROMIUM is None, reason="needs a Chromium: `apt install chromium`")

expect.set_options(timeout=15_000)  # milliseconds; a machine may be busy


def opened(browser: Browser, url: str, size: dict[str, int] = DESKTOP, locale: str = "zh-CN") -> Page:
    """Open a page; ``close`` fails on what it said on the console, and on every request it made to others."""
    page = browser.new_context(viewport=size, locale=locale).new_page()
    page.set_default_timeout(15_000)
    page.strangers = []
    page.on("request", lambda request: None if request.url.startswith(url) else page.strangers.append(request))
    page.complaints = []
    page.on("console", lambda message: page.complaints.append(message.text))
    page.on("pageerror", lambda error: page.complaints.append(str(error)))
    page.on("dialog", lambda dialog: page.complaints.append(dialog.message))
    page.goto(url)
    return page


def close(page: Page) -> None:
    assert [request.url for request in page.strangers if not request.url.startswith("data:")] == []
    assert page.complaints == []
    page.context.close()
