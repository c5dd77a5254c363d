"""Addresses of pictures: what is one, what is a file, and what a picture is called."""

from __future__ import annotations

from pathlib import Path

import pytest

from inksight.data.address import Address, parse_address, picture_name, short_name
from inksight.errors import UsageError


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("mnist:test/4444", Address("mnist", "test", 4444)),
        ("mnist:4444", Address("mnist", "test", 4444)),
        ("my sets/a:b.npz:validation/3", Address("my sets/a:b.npz", "validation", 3)),
        ("C:\\sets\\own:train/0", Address("C:\\sets\\own", "train", 0)),
        ("mnist:train/-1", Address("mnist", "train", -1)),
        ("mnist:/3", Address("mnist", "", 3)),
        ("seven.png", None),
        ("photo 12:30.jpg", None),
        ("C:\\sets\\7.png", None),
        ("https://example.org/7", None),
    ],
)
def test_an_address_is_told_from_a_file(text: str, address: Address | None) -> None:
    assert parse_address(text) == address


def test_a_file_of_that_name_wins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert parse_address("scan:3") == Address("scan", "test", 3)
    Path("scan:3").touch()
    assert parse_address("scan:3") is None


@pytest.mark.parametrize("text", ["mnist:", "mnist:test", "mnist:test/", "mnist:test/3.5", "mnist:train/first"])
def test_a_set_without_a_picture_of_it_is_no_file(text: str) -> None:
    with pytest.raises(UsageError, match=f'^no picture "{text}": mnist:SPLIT/INDEX was expected, mnist:test/0 for'):
        parse_address(text)


def test_a_picture_is_called_by_its_file_or_by_its_address() -> None:
    assert picture_name(("a/1.png", "a/2.png"), "own", "test", 1) == "a/2.png"
    assert picture_name(None, "sets/own.npz", "test", 1) == "sets/own.npz:test/1"
    assert picture_name(None, "", "test", 1) == "test/1"
    assert [short_name(name) for name in ("a/b/2.png", "sets/own.npz:test/1", "mnist:test/1", "2.png")] == [
        "2.png", "own.npz:test/1", "mnist:test/1", "2.png"
    ]  # fmt: skip
