"""Zips: good ones become folders, bad ones leave nothing behind."""

import io
import struct
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import inksight
from inksight.data import archive
from inksight.data.archive import unpack
from inksight.errors import DataError


def picture(value: int) -> bytes:
    stream = io.BytesIO()
    Image.fromarray(np.full((6, 6), value, np.uint8)).save(stream, "PNG")
    return stream.getvalue()


def zipped(files: dict[str | zipfile.ZipInfo, bytes], kind: int = zipfile.ZIP_DEFLATED) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", kind) as made:
        for name, content in files.items():
            made.writestr(name, content)
    return stream.getvalue()


def members(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


@pytest.mark.parametrize("wrapper", ["", "shapes/", "a/b/"])
def test_class_folders_are_found_wherever_they_are(tmp_path, wrapper):
    files = {f"{wrapper}{kind}/{n}.png": picture(n) for kind in ("bar", "dot") for n in range(4)}
    others = {"notes.txt": b"no picture", "__MACOSX/bar/._1.png": b"x", f"{wrapper}.hidden/1.png": b"x"}
    unpack(zipped({**files, **others}), tmp_path / "set")
    assert members(tmp_path / "set") == sorted(name.removeprefix(wrapper) for name in files)
    data = inksight.load(tmp_path / "set")
    assert data.classes == ("bar", "dot") and len(data.train) + len(data.test) == 8


def link() -> bytes:
    entry = zipfile.ZipInfo("bar/1.png")
    entry.external_attr = 0o120777 << 16
    return zipped({entry: b"/etc/passwd"})


def locked() -> bytes:
    content = bytearray(zipped({"bar/1.png": picture(1)}))
    content[content.index(b"PK\x01\x02") + 8] |= 1
    return bytes(content)


def damaged() -> bytes:
    content = zipped({"bar/1.png": picture(1)}, zipfile.ZIP_STORED)
    return content.replace(b"IHDR", b"XXXX")


def long_list() -> bytes:
    content = zipped({"bar/1.png": picture(1)})
    at = content.rindex(b"PK\x05\x06")
    return content[: at + 12] + struct.pack("<I", 2**31) + content[at + 16 :]


BAD = {
    "up": (zipped({"../1.png": picture(1)}), r"holds '\.\./1\.png', which leads out of its folder"),
    "up, deeper": (zipped({"bar/../../1.png": picture(1)}), "leads out of its folder; nothing was unpacked"),
    "from the root": (zipped({"/tmp/bar/1.png": picture(1)}), r"holds '/tmp/bar/1\.png', which leads out"),
    "Windows": (zipped({"..\\bar\\1.png": picture(1)}), "leads out of its folder"),
    "a drive": (zipped({"C:bar/1.png": picture(1)}), "leads out of its folder"),
    "a link": (link(), r"the zip holds a link, bar/1\.png; pictures were wanted"),
    "a bomb": (
        zipped({"bar/1.png": bytes(40 * 1024**2)}),
        r"would unpack to 40 MiB, 1,0\d\d times its size; at most 1,",
    ),
    "twice": (zipped({"bar/1.png": picture(1), "BAR/1.png": picture(2)}), r"holds BAR/1\.png twice"),
    "a picture that is a folder": (
        zipped({"bar/a.png": picture(1), "bar/a.png/b.png": picture(2)}),
        r"holds bar/a\.png as a picture and as a folder; give each a name",
    ),
    "a long name": (zipped({f"bar/{'n' * 300}.png": picture(1)}), "holds a name longer than 255 bytes, bar/nnn"),
    "locked": (locked(), "is locked with a password"),
    "damaged": (damaged(), r"is damaged at bar/1\.png \(Bad CRC-32"),
    "a long list": (long_list(), "lists more files than the 100,000 that are unpacked"),
    "a big zip": (b"PK\x06\x07" + bytes(16) + zipped({"a/1.png": b""})[-22:], "is a zip for more than 4 GiB"),
    "no pictures": (zipped({"bar/1.txt": b"x"}), "holds no pictures; wanted: a folder for each class"),
    "no zip": (b"hello", "the zip is no zip that can be read"),
    "nothing": (b"", "the zip is no zip that can be read"),
}


@pytest.mark.parametrize(("content", "text"), BAD.values(), ids=BAD)
def test_attacks_leave_nothing_behind(tmp_path, content, text):
    with pytest.raises(DataError, match=text):
        unpack(content, tmp_path / "in" / "set")
    assert members(tmp_path) == []


def test_the_number_of_files_is_bounded(tmp_path, monkeypatch):
    monkeypatch.setattr(archive, "MOST_FILES", 3)
    with pytest.raises(DataError, match=r"flowers\.zip holds 4 files; at most 3 are unpacked\. Send less\."):
        unpack(zipped({f"bar/{n}.png": picture(n) for n in range(4)}), tmp_path / "set", "flowers.zip")


def test_a_size_that_lies_is_found_out(tmp_path):
    """The list says 10 bytes, the stream holds 40 MiB: no more than 10 are unpacked, and their sum is wrong."""
    content = bytearray(zipped({"bar/1.png": bytes(40 * 1024**2)}))
    at = content.index(b"PK\x01\x02")
    content[at + 24 : at + 28] = struct.pack("<I", 10)
    with pytest.raises(DataError, match="is damaged at bar/1.png"):
        unpack(bytes(content), tmp_path / "set")
    assert members(tmp_path) == []
