"""A real browser: Debian's Chromium, driven by Playwright.

Where there is none, these tests skip and say so. INKSIGHT_BROWSER names another one, and says that it must be there.
INKSIGHT_SCREENSHOTS names a folder that keeps how each test's pages looked at its end.
"""

import contextlib
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

CHROMIUM = "/usr/bin/chromium"


@pytest.fixture(scope="module")  # Playwright's event loop runs as long as it is open, and other tests have their own
def browser():
    playwright_api = pytest.importorskip("playwright.sync_api")
    wanted = os.environ.get("INKSIGHT_BROWSER")
    path = wanted or CHROMIUM
    if not wanted and not Path(path).exists():
        pytest.skip(f"no browser at {CHROMIUM} (apt-get install chromium), and INKSIGHT_BROWSER names no other")
    with playwright_api.sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        yield chromium
        chromium.close()


def close_all(contexts: list, test: str) -> None:
    """Closes a test's windows, and keeps how their pages look if that is asked for."""
    folder = os.environ.get("INKSIGHT_SCREENSHOTS")
    for number, page in enumerate(page for context in contexts for page in context.pages if folder):
        page.screenshot(path=Path(folder) / f"{re.sub(r'[^a-z0-9]+', '-', test.lower()).strip('-')}-{number}.png")
    for context in contexts:
        context.close()


@contextlib.contextmanager
def app_running(*arguments: str, folder: Path) -> Iterator[str]:
    """`inksight app` on a free port, for the time of the block; gives its address."""
    program = [sys.executable, "-m", "inksight", "app", "--no-browser", "--port", "0", "--json", *arguments]
    with subprocess.Popen(program, cwd=folder, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield json.loads(process.stdout.readline())["address"]
        finally:
            process.terminate()


@pytest.fixture(scope="module")
def run_app():
    """The context manager `app_running`."""
    return app_running


@pytest.fixture(scope="module")
def app(tmp_path_factory, browser) -> Iterator[str]:
    """The address of the app, with the shipped model, in an empty folder."""
    with app_running(folder=tmp_path_factory.mktemp("app")) as address:
        yield address


@pytest.fixture
def visit(browser, request):
    """Opens the app in a fresh window: (address, tab, window options) -> Page.

    Whatever the test is about: nobody but the app may be asked, and the page may have no faults. Playwright waits for
    what it looks at by itself; `visit.faults` takes what a test provokes.
    """
    contexts, faults = [], []

    def open_tab(address: str, tab: str = "draw", **options):
        context = browser.new_context(**options)
        contexts.append(context)
        page = context.new_page()

        def asked(wish) -> None:
            if not wish.url.startswith((address, "data:", "blob:")):
                faults.append(wish.url)

        page.on("request", asked)
        page.on("console", lambda message: faults.append(message.text))
        page.on("pageerror", lambda error: faults.append(str(error)))
        page.goto(f"{address}#{tab}")
        page.wait_for_selector(f"#{tab}:not(:empty)")
        return page

    open_tab.faults = faults
    yield open_tab
    close_all(contexts, request.node.name)
    assert faults == []


@pytest.fixture
def open_page(browser, request):
    """Opens a file in a fresh window without network: (path, window options) -> Page.

    Whatever the test is about: nothing may be asked of the network, and the page may have no faults.
    """
    contexts, asked, faults = [], [], []

    def open_file(path: Path, **options):
        context = browser.new_context(offline=True, **options)
        contexts.append(context)
        page = context.new_page()
        page.on("request", lambda wish: asked.append(wish.url))
        page.on("console", lambda message: faults.append(message.text))
        page.on("pageerror", lambda error: faults.append(str(error)))
        page.goto(path.resolve().as_uri())
        return page

    yield open_file
    close_all(contexts, request.node.name)
    assert faults == []
    assert [url for url in asked if not url.startswith(("file:", "data:", "blob:"))] == []
