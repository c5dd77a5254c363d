"""What the site's pages are made of. The site itself is built in .ci/run."""

from dataclasses import fields
from pathlib import PurePosixPath

import pytest

from inksight import TrainConfig
from inksight.cli import commands as command_line


def test_pages_take_parts_of_the_readme(made_by, tmp_path):
    made_by("pages").gather(tmp_path / "pages")
    for name in ("index.md", "index.zh-CN.md"):
        page = (tmp_path / "pages" / name).read_text()
        assert "<!-- README" not in page
        assert "](pictures/draw.png)" in page  # ](docs/pictures/draw.png) in the README
        assert "](examples/phone-number.jpg)" in page
    assert (tmp_path / "pages/examples/phone-number.jpg").exists()
    assert "# Changelog" in (tmp_path / "pages/changelog.md").read_text()


def test_a_part_that_the_readme_does_not_have_is_an_error(made_by):
    pages = made_by("pages")
    assert pages.section("# A\n\n## B\ntext\n\n## C\n", "B") == "text"
    with pytest.raises(ValueError, match='the README has no part "D"'):
        pages.section("# A\n\n## B\ntext\n", "D")


def test_links_of_the_root_go_on_from_where_the_page_is(made_by):
    text = "[log](docs/log.md#x) [new](CHANGELOG.md) [out](https://a.b/docs/c)"
    assert made_by("pages").from_root(text, PurePosixPath("guides/own.md")) == (
        "[log](../log.md#x) [new](../changelog.md) [out](https://a.b/docs/c)"
    )


def test_every_command_and_choice_has_its_place(made_by):
    commands = made_by("commands").reference()
    for each in command_line.registered_commands:
        assert f"\n## `inksight {each.name or each.callback.__name__}`\n" in commands
    assert "\n## `inksight data corrupt`\n" in commands
    assert "<code>--kernel-size INT</code>" in commands
    choices = made_by("choices").reference()
    assert all(f"| `{item.name}` |" in choices for item in fields(TrainConfig))
    assert "| tutorial; strided in quick; compact in standard, thorough, robust |" in choices


def test_broken_links_and_what_comes_from_elsewhere_are_found(made_by, tmp_path):
    (tmp_path / "a.html").write_text(
        '<script src="https://cdn.example/x.js"></script><a href="b.html#here">b</a><a href="b.html#there">b</a>'
        '<a href="c.html">c</a><img src="no.png"><a href="https://example.org">out</a><a href="#top">top</a>'
    )
    (tmp_path / "b.html").write_text('<h2 id="here">b</h2>')
    assert sorted(made_by("links").problems(tmp_path)) == [
        "a.html loads https://cdn.example/x.js",
        "a.html: #top has no such place",
        "a.html: b.html#there has no such place",
        "a.html: nothing is at c.html",
        "a.html: nothing is at no.png",
    ]
