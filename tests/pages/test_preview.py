"""The preview in a real browser, over the real InfluxDB: drawn, in time, in width, and without outside help."""

import asyncio
import os
import sys
import time
from collections.abc import AsyncIterator
from datetime import datetime, timedelta

import aiohttp
import pytest
import pytest_asyncio
from playwright.async_api import Browser

from dashboards.preview.influx import Connection
from ingest.processes import free_port
from ingest.servers import Database
from tests.dashboards.database import fill
from tests.dashboards.readings import LONDON, lines
from tests.pages.browser import Visit, chromium, visit

pytestmark = pytest.mark.asyncio(loop_scope="session")

WIDTHS = {"desktop": (1440, 900), "phone": (390, 844)}
BOARDS = {"tolbooth-energy": 18, "tolbooth-occupancy": 14}
DRAWN = "document.querySelectorAll('.tb-waiting').length === 0 && document.querySelectorAll('.tb-panel').length > 0"

SERVE = """
import sys
from dashboards.preview.influx import Connection
from dashboards.preview.server import serve
serve(Connection(sys.argv[1], sys.argv[2]), port=int(sys.argv[3]))
"""
SPILLED = """[...document.querySelectorAll('.tb-panel')].filter(panel =>
  [...panel.querySelectorAll('.tb-body > div, .tb-scroll')].some(
    inner => inner.getBoundingClientRect().bottom > panel.getBoundingClientRect().bottom)
).map(panel => panel.querySelector('h2').innerText)"""
"""Titles of panels that what is in them reaches out of."""


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def browser() -> AsyncIterator[Browser]:
    async with chromium() as running:
        yield running


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def preview(database: Database) -> AsyncIterator[str]:
    """The preview of a council with eight days of readings that end now."""
    connection = Connection(database.url, "preview")
    now = datetime.now(LONDON).replace(second=0, microsecond=0)
    await fill(connection, lines(now.replace(minute=0) - timedelta(days=8), now))
    port = free_port()
    command = (sys.executable, "-c", SERVE, connection.url, connection.database, str(port))
    # NiceGUI would take the variable of a running pytest for its own kind of test.
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
    process = await asyncio.create_subprocess_exec(*command, env=environment)
    url = f"http://127.0.0.1:{port}"
    try:
        await _answers(url)
        yield url
    finally:
        if process.returncode is None:
            process.terminate()
        await process.wait()


async def _answers(url: str) -> None:
    async with aiohttp.ClientSession() as http:
        for _ in range(300):
            try:
                async with http.get(url) as response:
                    if response.status == 200:
                        return
            except aiohttp.ClientError:
                await asyncio.sleep(0.1)
    raise AssertionError(f"{url} does not answer")


async def open_board(visited: Visit, url: str) -> None:
    await visited.page.goto(url)
    await visited.page.wait_for_function(DRAWN, timeout=20_000)


@pytest.mark.parametrize("uid", BOARDS)
@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("theme", ["light", "dark"])
async def test_a_board_is_drawn(browser: Browser, preview: str, uid: str, width: str, theme: str) -> None:
    async with visit(browser, *WIDTHS[width]) as visited:
        page = visited.page
        await open_board(visited, f"{preview}/d/{uid}?theme={theme}")
        assert await page.locator(".tb-panel").count() == BOARDS[uid]
        assert await page.locator(".tb-message").all_inner_texts() == []
        assert await page.locator(".tb-chart canvas").count() == await page.locator(".tb-chart").count() > 0
        assert await page.evaluate("document.documentElement.scrollWidth") <= WIDTHS[width][0]
        assert await page.evaluate(SPILLED) == []
        assert visited.complaints == []
        assert visited.hosts <= {"127.0.0.1", ""}, "nothing is asked of other machines"


async def test_the_first_board_is_drawn_in_three_seconds(browser: Browser, preview: str) -> None:
    """One of ten times, since the machine may be busy with something else."""
    times: list[float] = []
    while len(times) < 10 and min(times, default=3.0) >= 3:
        async with visit(browser, *WIDTHS["desktop"]) as visited:
            start = time.perf_counter()
            await open_board(visited, preview)
            times.append(time.perf_counter() - start)
    assert min(times) < 3


async def test_the_address_holds_the_choice(browser: Browser, preview: str) -> None:
    async with visit(browser, *WIDTHS["desktop"]) as visited:
        page = visited.page
        address = f"{preview}/d/tolbooth-energy?var-building=town-house&from=now-24h&to=now&refresh="
        await open_board(visited, address)
        names = await page.locator(".tb-is-stat .tb-name").all_inner_texts()
        assert set(names) == {"town-house"}
        await page.get_by_role("combobox", name="Time range").click()
        await page.get_by_role("option", name="Last 7 days").click()
        await page.wait_for_url("**from=now-7d%2Fd**")
        assert "var-building=town-house" in page.url
        await page.get_by_role("link", name="Occupancy").click()
        await page.wait_for_url("**/d/tolbooth-occupancy**")
        await page.wait_for_function(DRAWN)
        assert set(await page.locator(".tb-is-stat .tb-name").all_inner_texts()) == {"town-house"}


async def test_a_panel_says_what_it_means(browser: Browser, preview: str) -> None:
    async with visit(browser, *WIDTHS["phone"]) as visited:
        await open_board(visited, f"{preview}/d/tolbooth-occupancy")
        await visited.page.get_by_role("button", name="What CO₂ while occupied means").click()
        about = visited.page.locator(".tb-about:visible")
        await about.wait_for()
        assert "Health and Safety Executive" in await about.inner_text()


async def test_an_empty_panel_says_why(browser: Browser, preview: str) -> None:
    async with visit(browser, *WIDTHS["desktop"]) as visited:
        long_ago = f"{preview}/d/tolbooth-energy?from=1500000000000&to=1500086400000"
        await open_board(visited, long_ago)
        messages = await visited.page.locator(".tb-message").all_inner_texts()
        assert len(messages) == BOARDS["tolbooth-energy"]
        assert messages[0].startswith("No main meter reported in this time range")


WRONG = ["/d/none", "/d/tolbooth-energy?from=yesterday", "/d/tolbooth-energy?var-council=.*%27"]


@pytest.mark.parametrize("path", WRONG)
async def test_a_wrong_address_breaks_nothing(browser: Browser, preview: str, path: str) -> None:
    async with visit(browser, *WIDTHS["desktop"]) as visited:
        await visited.page.goto(preview + path)
        text = await visited.page.locator("body").inner_text()
        await asyncio.sleep(0.5)
        assert "Traceback" not in text
        async with aiohttp.ClientSession() as http, http.get(preview) as response:
            assert response.status == 200


async def test_a_choice_can_be_made_and_taken_back(browser: Browser, preview: str) -> None:
    async with visit(browser, *WIDTHS["desktop"]) as visited:
        page = visited.page
        await open_board(visited, f"{preview}/d/tolbooth-energy")
        names = page.locator(".tb-is-stat .tb-name")
        everything = await names.count()
        await page.get_by_role("combobox", name="Building").click()
        await page.get_by_role("option", name="town-house").click()
        await page.keyboard.press("Escape")
        await page.wait_for_url("**var-building=town-house**")
        await page.wait_for_function(f"document.querySelectorAll('.tb-is-stat .tb-name').length === {everything // 3}")
        assert set(await names.all_inner_texts()) == {"town-house"}
        await page.locator(".q-field__focusable-action").first.click()
        await page.wait_for_function(f"document.querySelectorAll('.tb-is-stat .tb-name').length === {everything}")
        assert visited.complaints == []
