"""Drawing on the page of `inksight app`: from a stroke's newest point to its answer on the screen, in Chromium.

python benchmarks/draw.py [--model shipped] [--repeats 10] [--browser /usr/bin/chromium]
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys

from playwright.sync_api import Page, sync_playwright
from sitting import report, spread

SEVEN = [(0.3, 0.15), (0.5, 0.12), (0.7, 0.15), (0.6, 0.4), (0.5, 0.65), (0.45, 0.9)]
STEPS = 10  # of the mouse between two of its points
WATCH = """() => {
  window.answeredMs = [];
  const time = document.querySelector("[data-part=time]");
  const note = () => time.dataset.ms && window.answeredMs.push(Number(time.dataset.ms));
  new MutationObserver(note).observe(time, { attributes: true, attributeFilter: ["data-ms"] });
}"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="shipped")
    parser.add_argument("--repeats", type=int, default=10)
    parser.add_argument("--browser", default=os.environ.get("INKSIGHT_BROWSER", "/usr/bin/chromium"))
    wishes = parser.parse_args()
    program = [
        sys.executable,
        "-m",
        "inksight",
        "app",
        "--no-browser",
        "--port",
        "0",
        "--json",
        "--model",
        wishes.model,
    ]
    with subprocess.Popen(program, stdout=subprocess.PIPE, text=True) as process, sync_playwright() as playwright:
        address = json.loads(process.stdout.readline())["address"]
        page = playwright.chromium.launch(executable_path=wishes.browser, args=["--no-sandbox"]).new_page()
        page.goto(address)
        page.wait_for_selector("[data-part=pad]")
        page.evaluate(WATCH)
        for _ in range(wishes.repeats):
            draw(page)
        times = page.evaluate("() => window.answeredMs")
        process.terminate()
    figures = {**spread(times, 1), "p90": round(sorted(times)[int(0.9 * len(times))], 1)}
    report("draw", model=wishes.model, answered_ms=figures, load=os.getloadavg()[0])


def draw(page: Page) -> None:
    """A seven, waited for and taken away again."""
    box = page.locator("[data-part=pad]").bounding_box()
    places = [(box["x"] + x * box["width"], box["y"] + y * box["height"]) for x, y in SEVEN]
    page.mouse.move(*places[0])
    page.mouse.down()
    for place in places[1:]:
        page.mouse.move(*place, steps=STEPS)
    page.mouse.up()
    page.wait_for_function("() => document.querySelector('#draw .label').textContent === '7'")
    page.wait_for_timeout(300)
    page.keyboard.press("Escape")
    page.wait_for_timeout(100)


if __name__ == "__main__":
    main()
