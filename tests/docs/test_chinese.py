"""README.zh-CN.md says what README.md says: part by part the same code, commands, numbers, links and rows.

The order within a part may differ, as the languages do.
"""

import re
from collections import Counter
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent
FENCED = re.compile(r"^```\w+\n.*?^```$", re.MULTILINE | re.DOTALL)
CODE = re.compile(r"`[^`\n]+`")
LINK = re.compile(r"\]\(([^)]+)\)")
NUMBER = re.compile(r"\d(?:[\d,.]*\d)?")
KINDS = ("blocks", "code", "links", "numbers", "rows")


def parts(name):
    """For each part of a README, the first being what stands before the headings: {kind: what there is of it}."""
    return [found(text) for text in re.split(r"^## ", (ROOT / name).read_text(encoding="utf-8"), flags=re.MULTILINE)]


def found(text):
    blocks = FENCED.findall(text)
    text = FENCED.sub("", text)
    code = CODE.findall(text)
    text = CODE.sub("", text)
    links = LINK.findall(text)
    numbers = NUMBER.findall(LINK.sub("]", text))
    rows = [line.count("|") for line in text.splitlines() if line.startswith("|")]
    return {"blocks": blocks, "code": code, "links": links, "numbers": numbers, "rows": rows}


ENGLISH, CHINESE = parts("README.md"), parts("README.zh-CN.md")


def test_both_have_the_same_parts_and_lead_to_each_other():
    assert len(ENGLISH) == len(CHINESE) > 5
    assert "README.zh-CN.md" in ENGLISH[0]["links"]
    assert "README.md" in CHINESE[0]["links"]


@pytest.mark.parametrize("number", range(len(ENGLISH)))
def test_part_says_the_same(number):
    english, chinese = ENGLISH[number], CHINESE[number]
    for kind in KINDS:
        here, there = english[kind], chinese[kind]
        if kind in ("blocks", "rows"):
            assert here == there, kind
            continue
        # the Chinese page of a link to an English one is the same link
        here, there = (Counter(item.replace(".zh-CN.md", ".md") for item in items) for items in (here, there))
        assert here == there, f"{kind}: only in English {here - there}, only in Chinese {there - here}"


def test_a_changed_figure_is_noticed():
    text = "| `quick` | **99.06 ± 0.09 %** | 21 times |\n"
    assert found(text) != found(text.replace("99.06", "99.07"))
    assert found(text)["numbers"] == ["99.06", "0.09", "21"]
