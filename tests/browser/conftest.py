"""A real browser: Debian's Chromium, driven by Playwright.

Without Playwright or the browser these tests are skipped with the reason. INKSIGHT_BROWSER names another browser; if it
is set, a missing browser or a missing Playwright is a failure. INKSIGHT_SCREENSHOTS names a folder for a screenshot of
each page at the end of its test.
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
    wanted = os.environ.get("INKSIGHT_BROWSER")
    path = wanted or CHROMIUM
    if not wanted:
        pytest.importorskip("playwright.sync_api", reason="Playwright is not installed: uv sync --group dev")
    if not Path(path).exists():
        missing = f"no browser at {path}: apt-get install chromium, or set INKSIGHT_BROWSER to the path of another"
        pytest.fail(missing) if wanted else pytest.skip(missing)
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
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


READY = {
    "draw": "#draw .bars li",
    "sees": "#sees .stages img",
    "photo": "#photo button",
    "inside": "#inside .bars li",
    "train": "#train [data-part=knobs] label",
    "runs": "#runs tbody tr",
    "teach": "#teach .label:text('7')",
}


@pytest.fixture
def wait_for_tab():
    """Waits until a tab of the app shows what the service told it: (page, tab) -> None."""
    return lambda page, tab: page.wait_for_selector(READY[tab], state="attached")


INK = """(selector) => {
  const pad = document.querySelector(selector);
  const { width, height } = pad;
  const context = Object.assign(document.createElement("canvas"), { width, height }).getContext("2d");
  context.fillStyle = "#fff";
  context.fillRect(0, 0, width, height);
  context.drawImage(pad, 0, 0);
  const { data } = context.getImageData(0, 0, width, height);
  let [left, right, top, bottom, area] = [width, 0, height, 0, 0];
  for (let at = 0; at < width * height; at++) {
    if (data[4 * at] >= 128) continue;
    const [x, y] = [at % width, Math.floor(at / width)];
    [left, right, top, bottom] = [Math.min(left, x), Math.max(right, x), Math.min(top, y), Math.max(bottom, y)];
    area += 1;
  }
  return { left, top, width: right + 1 - left, height: bottom + 1 - top, area };
}"""


@pytest.fixture
def ink_on():
    """The ink on a canvas of a light page: (page, selector) -> its left, top, width, height and area in pixels."""
    return lambda page, selector: page.evaluate(INK, selector)


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
