"""A real browser: Debian's Chromium, driven by Playwright.

Where there is none, these tests skip and say so. INKSIGHT_BROWSER names another one, and says that it must be there.
"""

import os
from pathlib import Path

import pytest

CHROMIUM = "/usr/bin/chromium"


@pytest.fixture(scope="module")  # Playwright's event loop runs as long as it is open, and other tests have their own
def browser():
    wanted = os.environ.get("INKSIGHT_BROWSER")
    path = wanted or CHROMIUM
    if not wanted and not Path(path).exists():
        pytest.skip(f"no browser at {CHROMIUM} (apt-get install chromium), and INKSIGHT_BROWSER names no other")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        yield chromium
        chromium.close()


@pytest.fixture
def open_page(browser):
    """Opens a file in a fresh window without network: (path, window options) -> Page.

    Whatever the test is about: nothing may be asked of the network, and the page may have no faults.
    """
    contexts, asked, faults = [], [], []

    def open_file(path: Path, **options):
        context = browser.new_context(offline=True, **options)
        contexts.append(context)
        page = context.new_page()
        page.on("request", lambda request: asked.append(request.url))
        page.on("console", lambda message: faults.append(message.text))
        page.on("pageerror", lambda error: faults.append(str(error)))
        page.goto(path.resolve().as_uri())
        return page

    yield open_file
    for context in contexts:
        context.close()
    assert faults == []
    assert [url for url in asked if not url.startswith(("file:", "data:", "blob:"))] == []
