"""The pages of the site: those of docs/, parts of the README in their places, and what is made by programs."""

from __future__ import annotations

import os
import re
import shutil
from pathlib import Path, PurePosixPath

ROOT = Path(__file__).parent.parent.parent
INCLUDED = re.compile(r"^<!-- (README[\w.-]*): (.+) -->$", re.MULTILINE)
LINK = re.compile(r"(\]\()([^)\s#]+)((?:#[^)]*)?\))")

# Files of the root that links may name -> their pages. What is not here and not in docs/ has no page.
FROM_ROOT = {"CHANGELOG.md": "changelog.md", "CONTRIBUTING.md": "contributing.md", "LICENSE": "licence.md"}


def gather(pages: Path) -> None:
    """Copies docs/ and the files of FROM_ROOT to `pages`, and puts the README's parts in."""
    shutil.copytree(ROOT / "docs", pages, ignore=shutil.ignore_patterns("*.ipynb"))
    for source, target in FROM_ROOT.items():
        text = (ROOT / source).read_text(encoding="utf-8")
        if not source.endswith(".md"):
            text = f"# Licence\n\n```text\n{text}```\n"
        (pages / target).write_text(from_root(text, PurePosixPath(target)), encoding="utf-8")
    for path in pages.rglob("*.md"):
        page = PurePosixPath(path.relative_to(pages))
        path.write_text(_whole(path.read_text(encoding="utf-8"), page), encoding="utf-8")
    (pages / "examples").mkdir()
    for picture in (ROOT / "examples").glob("*.jpg"):  # the README shows them
        shutil.copy(picture, pages / "examples")
    shutil.copy(ROOT / "src/inksight/serve/static/icon.svg", pages / "icon.svg")


def section(text: str, heading: str) -> str:
    """What stands under a heading of the second level, up to the next one.

    Raises:
        ValueError: there is no such heading.
    """
    found = re.search(rf"^## {re.escape(heading)}\n(.*?)(?=^## |\Z)", text, re.MULTILINE | re.DOTALL)
    if found is None:
        raise ValueError(f'the README has no part "{heading}"')
    return found[1].strip()


def _whole(text: str, page: PurePosixPath) -> str:
    """A page with the READMEs' parts in their places, their links as they go from there."""

    def part(found: re.Match[str]) -> str:
        readme = (ROOT / f"{found[1]}.md").read_text(encoding="utf-8")
        return from_root(section(readme, found[2]), page)

    return INCLUDED.sub(part, text)


def from_root(text: str, page: PurePosixPath) -> str:
    """Links of a file in the root of the repository, as they go from a page of the site."""

    def moved(link: re.Match[str]) -> str:
        target = FROM_ROOT.get(link[2], link[2].removeprefix("docs/"))
        outside = re.match(r"[a-z]+:", target)
        return link[0] if outside else f"{link[1]}{os.path.relpath(target, page.parent)}{link[3]}"

    return LINK.sub(moved, text)
