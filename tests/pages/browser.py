"""A headless Chromium that notes what a page says, asks for and gets wrong."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from playwright.async_api import Browser, Page, async_playwright

CHROMIUM = "/usr/bin/chromium"
WRONG = ("error", "warning")
FLAGS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
]  # fmt: skip


@dataclass(slots=True)
class Visit:
    """One open page, and what it did."""

    page: Page
    complaints: list[str] = field(default_factory=list)
    hosts: set[str] = field(default_factory=set)


@asynccontextmanager
async def chromium() -> AsyncIterator[Browser]:
    """A running browser."""
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        try:
            yield browser
        finally:
            await browser.close()


@asynccontextmanager
async def visit(browser: Browser, width: int, height: int) -> AsyncIterator[Visit]:
    """A page of this size that remembers nothing of others."""
    context = await browser.new_context(viewport={"width": width, "height": height}, timezone_id="Europe/London")
    try:
        visited = Visit(await context.new_page())
        page = visited.page
        page.on("console", lambda one: visited.complaints.append(one.text) if one.type in WRONG else None)
        page.on("pageerror", lambda error: visited.complaints.append(str(error)))
        page.on("request", lambda request: visited.hosts.add(urlsplit(request.url).hostname or ""))
        yield visited
    finally:
        await context.close()
