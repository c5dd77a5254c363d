"""Builds the documentation in build/: runs the tutorial, gathers the pages, makes the site, tries its links.

python scripts/docs/build.py                # all of it; the site is build/site/index.html
python scripts/docs/build.py unexecuted     # the same in seconds: the tutorial is not run, and stays without outputs
python scripts/docs/build.py notebooks      # only writes docs/*.ipynb anew, after their Markdown was changed
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import time
from pathlib import Path

import notebook
from pages import ROOT, gather

TUTORIALS = (ROOT / "docs/tutorial.md", ROOT / "docs/tutorial.zh-CN.md")  # the same code, so the same outputs
BUILD = ROOT / "build"


def build(run: bool) -> None:
    """All of it; without the tutorial's outputs unless `run`.

    Raises:
        SystemExit: the site has a broken link, or loads something from elsewhere.
    """
    import choices
    import commands
    import execute
    from links import problems

    pages, site = BUILD / "pages", BUILD / "site"
    shutil.rmtree(BUILD, ignore_errors=True)
    gather(pages)
    for made in (commands, choices):
        (pages / f"reference/{made.__name__}.md").write_text(made.reference(), encoding="utf-8")
    outputs = execute.execute(TUTORIALS[0].with_suffix(".ipynb")) if run else []
    for source in TUTORIALS:
        text = execute.page(notebook.cells(source.read_text(encoding="utf-8")), outputs, pages / source.stem)
        (pages / source.name).write_text(text, encoding="utf-8")
    started = time.monotonic()
    subprocess.run([Path(sys.executable).with_name("zensical"), "build", "--clean", "--strict"], cwd=ROOT, check=True)
    print(f"the site was made in {time.monotonic() - started:.0f} s: {site / 'index.html'}")
    if found := problems(site):
        sys.exit("\n".join(found))


if __name__ == "__main__":
    if sys.argv[1:] == ["notebooks"]:
        for source in TUTORIALS:
            notebook.write(source)
    else:
        build(run=sys.argv[1:] != ["unexecuted"])
