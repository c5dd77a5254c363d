"""The exported page in Chromium: its size, how equal its answers are, and how long they take.

python benchmarks/page.py [--model shipped] [--repeats 10]
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
from pathlib import Path

import numpy as np
from playwright.sync_api import sync_playwright
from sitting import report, spread

import inksight
from inksight.export.job import export_run
from inksight.export.proof import golden_pictures

CHROMIUM = os.environ.get("INKSIGHT_BROWSER", "/usr/bin/chromium")
ENLARGED = 8  # golden digits, as large as they are drawn on the pad
MEASURE = """(text) => {
  const { pictures, inks, side } = JSON.parse(text);
  const timed = (all, work) => {
    const start = performance.now();
    return { results: all.map(work), ms: (performance.now() - start) / all.length };
  };
  const network = timed(pictures, (pixels) => [...inksight.probabilities(pixels)]);
  const ink = timed(inks, (data) => inksight.digitOfInk({ data: Uint8Array.from(data), width: side, height: side }));
  return JSON.stringify({ answers: network.results, network: network.ms, ink: ink.ms });
}"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="shipped")
    parser.add_argument("--repeats", type=int, default=10)
    wishes = parser.parse_args()
    reader = inksight.Predictor.load(wishes.model)
    images = golden_pictures(reader.card.size_px)[:100]
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        path = export_run(wishes.model, "html", Path(folder) / "page.html").path
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        page = browser.new_page()
        page.goto(path.as_uri())
        inks = images.repeat(ENLARGED, axis=1).repeat(ENLARGED, axis=2)
        flat = {"pictures": images.reshape(len(images), -1).tolist(), "inks": inks.reshape(len(inks), -1).tolist()}
        text = json.dumps({**flat, "side": inks.shape[1]})
        rounds = [json.loads(page.evaluate(MEASURE, text)) for _ in range(wishes.repeats)]
        report(
            "page",
            model=wishes.model,
            browser=browser.version,
            bytes=path.stat().st_size,
            largest_difference=float(np.abs(np.array(rounds[0]["answers"]) - reader.probabilities(images)).max()),
            network_ms=spread([each["network"] for each in rounds], 2),
            ink_ms=spread([each["ink"] for each in rounds], 2),
        )
        browser.close()


if __name__ == "__main__":
    main()
