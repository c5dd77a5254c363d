"""A zip of class folders that a stranger sent -> a folder on this disk. Nothing is written before all of it is checked.

What a zip says of itself is not believed: names may lead out of the folder, a few bytes may unpack to a full disk, the
list of files may be larger than memory.
"""

from __future__ import annotations

import io
import re
import stat
import struct
import zipfile
import zlib
from pathlib import Path, PurePosixPath

from inksight.data.folder import IGNORED_FOLDERS
from inksight.errors import DataError
from inksight.imaging.decode import EXTENSIONS
from inksight.utils.atomic import whole_folder

MOST_FILES = 100_000
MOST_BYTES = 1024**3
MOST_RATIO = 100  # unpacked to packed: pictures are packed already, a bomb has 1,000
MOST_LIST_BYTES = 16 * 1024**2
MOST_NAME_BYTES = 255  # what file systems take
_FREE_BYTES = 10 * 1024**2  # small zips may be packed as tightly as they like
_END, _BIG_END = b"PK\x05\x06", b"PK\x06\x07"
_TAIL_BYTES = 22 + 65_535
_DAMAGED = (zipfile.BadZipFile, zlib.error, EOFError, ValueError, OSError, NotImplementedError, RuntimeError)


def unpack(content: bytes, folder: Path, name: str = "the zip") -> None:
    """Unpacks the pictures of a zip into a new folder, whole or not at all.

    A folder that holds all the others is left out. Other files than pictures are not unpacked.

    Args:
        content: the bytes of the zip.
        name: what errors call it.
    Raises:
        DataError: damaged, locked, too much, or names that lead elsewhere.
        StorageError: the disk is full, or the folder is there already.
    """
    _require_short_list(content, name)
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            places = _checked(archive.infolist(), len(content), name)
            with whole_folder(folder) as temporary:
                for place, member in places.items():
                    _write(archive, member, temporary / place, name)
    except _DAMAGED as error:
        raise DataError(f"{name} is no zip that can be read ({error}). Pack it again.") from error


def _write(archive: zipfile.ZipFile, member: zipfile.ZipInfo, path: Path, name: str) -> None:
    """One picture. zipfile reads no more than the size that was checked."""
    try:
        content = archive.read(member)
    except _DAMAGED as error:
        raise DataError(f"{name} is damaged at {member.filename} ({error}). Pack it again.") from error
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)


def _require_short_list(content: bytes, name: str) -> None:
    """Checks how long the list of files says it is, before zipfile reads all of it."""
    tail = content[-_TAIL_BYTES:]
    if _BIG_END in tail:
        raise DataError(f"{name} is a zip for more than 4 GiB or 65,535 files; that is too much. Send less.")
    for end in re.finditer(re.escape(_END), tail):
        record = tail[end.start() + 12 : end.start() + 16]
        if len(record) == 4 and struct.unpack("<I", record)[0] > MOST_LIST_BYTES:
            raise DataError(f"{name} lists more files than the {MOST_FILES:,} that are unpacked. Send less.")


def _checked(members: list[zipfile.ZipInfo], packed_bytes: int, name: str) -> dict[PurePosixPath, zipfile.ZipInfo]:
    """Where each picture of a zip goes."""
    if len(members) > MOST_FILES:
        raise DataError(f"{name} holds {len(members):,} files; at most {MOST_FILES:,} are unpacked. Send less.")
    total = sum(member.file_size for member in members)
    if total > MOST_BYTES or total > max(_FREE_BYTES, MOST_RATIO * packed_bytes):
        raise DataError(
            f"{name} would unpack to {total / 1024**2:,.0f} MiB, {total / max(packed_bytes, 1):,.0f} times its size; "
            f"at most {MOST_BYTES // 1024**2:,} MiB and {MOST_RATIO} times are unpacked. Send pictures, and less."
        )
    places: dict[PurePosixPath, zipfile.ZipInfo] = {}
    seen: set[str] = set()
    for member in members:
        place = _place(member, name)
        if _is_picture(member, place):
            if str(place).casefold() in seen:
                raise DataError(f"{name} holds {place} twice; give each picture a name of its own.")
            seen.add(str(place).casefold())
            places[place] = member
    folders = {str(parent).casefold() for place in places for parent in place.parents}
    if both := next((text for text in seen if text in folders), None):
        raise DataError(f"{name} holds {both} as a picture and as a folder; give each a name of its own.")
    if not places:
        raise DataError(f"{name} holds no pictures; wanted: a folder for each class, with its pictures inside.")
    return _without_wrapper(places)


def _place(member: zipfile.ZipInfo, name: str) -> PurePosixPath:
    """The path of a member, which has to stay where it is unpacked."""
    text = member.orig_filename
    place = PurePosixPath(text)
    if place.is_absolute() or ".." in place.parts or any(sign in text for sign in "\\:\0"):
        raise DataError(f"{name} holds {text!r}, which leads out of its folder; nothing was unpacked.")
    if any(len(part.encode(errors="replace")) > MOST_NAME_BYTES for part in place.parts):
        raise DataError(f"{name} holds a name longer than {MOST_NAME_BYTES} bytes, {text[:40]}…; nothing was unpacked.")
    if stat.S_ISLNK(member.external_attr >> 16):
        raise DataError(f"{name} holds a link, {text}; pictures were wanted. Nothing was unpacked.")
    if member.flag_bits & 1:
        raise DataError(f"{name} is locked with a password ({text}); pack it without one.")
    return place


def _is_picture(member: zipfile.ZipInfo, place: PurePosixPath) -> bool:
    """Whether a member is to be unpacked: no folder, nothing hidden, a picture by its name."""
    is_hidden = any(part.startswith(".") or part in IGNORED_FOLDERS for part in place.parts)
    return not member.is_dir() and not is_hidden and place.suffix.lower() in EXTENSIONS


def _without_wrapper(places: dict[PurePosixPath, zipfile.ZipInfo]) -> dict[PurePosixPath, zipfile.ZipInfo]:
    """The same without the one folder that holds all the others, which programs like to add."""
    while len({place.parts[0] for place in places}) == 1 and all(len(place.parts) > 2 for place in places):
        places = {PurePosixPath(*place.parts[1:]): member for place, member in places.items()}
    return places
