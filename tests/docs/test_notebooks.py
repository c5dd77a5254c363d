"""The notebooks are what their Markdown says, hold no outputs, and run the same code in both languages.

That they run at all, and in time, is tried where the site is built (`python scripts/docs/build.py`, in .ci/run).
"""

import json
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent
ENGLISH, CHINESE = ROOT / "docs/tutorial.md", ROOT / "docs/tutorial.zh-CN.md"


@pytest.fixture(scope="module")
def notebook(made_by):
    return made_by("notebook")


@pytest.mark.parametrize("source", [ENGLISH, CHINESE], ids=lambda path: path.name)
def test_notebook_is_what_its_markdown_makes(source, notebook):
    kept = source.with_suffix(".ipynb").read_text(encoding="utf-8")
    assert kept == notebook.notebook(source.read_text(encoding="utf-8")), "run: python scripts/docs/build.py notebooks"
    cells = json.loads(kept)["cells"]
    code = [cell for cell in cells if cell["cell_type"] == "code"]
    assert len(code) > 20
    assert not any(cell["outputs"] or cell["execution_count"] for cell in code)
    assert len({cell["id"] for cell in cells}) == len(cells)


def test_both_languages_run_the_same_code(notebook):
    english, chinese = (notebook.cells(path.read_text(encoding="utf-8")) for path in (ENGLISH, CHINESE))
    assert [kind for kind, _ in english] == [kind for kind, _ in chinese]
    for (kind, source), (_, other) in zip(english, chinese, strict=True):
        if kind == "code":
            assert source == other
        else:
            assert source.count("\n#") == other.count("\n#")


def test_cells_are_text_and_code_in_turn_without_comments(notebook):
    text = "# Title\n\n<!-- not shown -->\n\n```python\nx = 1\n```\n\n```text\nno cell\n```\n"
    assert notebook.cells(text) == [
        ("markdown", "# Title"),
        ("code", "x = 1"),
        ("markdown", "```text\nno cell\n```"),
    ]
