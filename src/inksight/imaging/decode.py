"""Untrusted bytes -> an array of pixels. The only place where picture files are decoded."""

from __future__ import annotations

import io
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from PIL import Image, ImageOps

from inksight.errors import PictureError

MAX_PIXELS = 64 * 1024**2
SHARP_PIXELS = 16 * 1024**2  # a picture of more is made smaller by a whole number
JPEG_PIXELS = 8 * 1024**2  # so is a JPEG of more, as it is decoded, which saves most of the time
PAGE_DPI, PAGE_PX = 200, 4096  # how a page of a PDF is drawn, and how long its longer side gets at most
COLOURED_ABOVE = 64  # between the largest and the smallest channel of a pixel, of 255
COLOURED_SHARE = 0.02  # of the pixels
FORMATS = {
    "PNG": "PngImagePlugin",
    "JPEG": "JpegImagePlugin",
    "BMP": "BmpImagePlugin",
    "GIF": "GifImagePlugin",
    "TIFF": "TiffImagePlugin",
    "WEBP": "WebPImagePlugin",
    "PPM": "PpmImagePlugin",
    "AVIF": "AvifImagePlugin",
}
EXTENSIONS = frozenset(
    f".{ending}"
    for ending in "png jpg jpeg bmp gif tif tiff webp ppm pgm pbm avif heic heif".split()  # noqa: SIM905
)
_HEIC_BRANDS = (b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1")
_BRANDS_END = 64  # bytes: behind the brands that a file names; the last two are those of AVIF, too


@dataclass(frozen=True, eq=False)
class ParsedPicture:
    """A decoded picture. pixels: uint8 (height, width) if it is grey, else (height, width, 3) RGB. notes: sentences
    about what was done with the file that its owner may not expect. scale: pixels of the file in a row of one of these.
    """

    pixels: np.ndarray
    notes: tuple[str, ...] = ()
    scale: int = 1

    def __repr__(self) -> str:
        height, width = self.pixels.shape[:2]
        return f"ParsedPicture: {width}×{height} {'grey' if self.pixels.ndim == 2 else 'colour'}"


def pictures_at_once(size_px: int) -> int:
    """How many pictures a network is given at once: 1,000 of 28 px, fewer of larger ones, so memory is bounded."""
    return max(8, min(1000, 1000 * 28**2 // size_px**2))


def load_picture(path: Path | str) -> ParsedPicture:
    """Reads and decodes one picture file; see `parse_picture`."""
    path = Path(path)
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        raise PictureError(f"no picture {path}: there is no such file. Check the path.") from None
    except OSError as error:
        raise PictureError(f"{path} cannot be read: {error.strerror}.") from error
    return parse_picture(content, str(path))


def parse_picture(content: bytes, name: str = "the picture") -> ParsedPicture:
    """Decodes one picture: first frame or page, turned as its EXIF says, alpha laid on a contrasting ground.

    Args:
        content: the bytes of a file in one of FORMATS; with the extras heic and pdf also of a HEIC or a PDF file.
        name: what to call it in errors.
    Returns:
        its pixels, and a note where there are more frames or pages. Of a picture of more than SHARP_PIXELS, or
        JPEG_PIXELS, a smaller copy is made.
    Raises:
        PictureError: not a picture, truncated, more than MAX_PIXELS, pixels that are not numbers, or an extra is not
            installed.
    """
    try:
        image = _open(content, name)
        width, height = image.size
        if width * height > MAX_PIXELS:
            raise PictureError(
                f"{name} is {width:,}×{height:,} pixels ({width * height / 1e6:.0f} MP); "
                f"at most {MAX_PIXELS // 1024**2} MP are decoded. Make it smaller first."
            )
        notes = _notes(image)
        scale = _scale_for(width * height)
        if image.format in ("JPEG", "MPO") and width * height > JPEG_PIXELS:
            scale = max(scale, 2)
        if scale > 1:
            image.draft(None, (width // scale, height // scale))  # a JPEG's decoder can do it; others ignore it
        image.load()
        if scale > 1 and image.size == (width, height):
            image = _reduced(image, scale)
        ImageOps.exif_transpose(image, in_place=True)
        return ParsedPicture(_pixels(image, name), notes, scale)
    except PictureError:
        raise
    except Exception as error:  # decoders raise what they like on damaged files
        raise PictureError(f"{name} is damaged or cut short ({error}). Save or copy it again.") from error


def is_coloured(picture: np.ndarray) -> bool:
    """Return whether a picture shows colours; tinted paper, warm light and the fringes of a JPEG are none.

    Args:
        picture: uint8 (height, width, 3).
    """
    step = max(1, max(picture.shape[:2]) // 256)
    seen = picture[::step, ::step]
    chroma = seen.max(axis=2) - seen.min(axis=2)
    return bool((chroma > COLOURED_ABOVE).mean() > COLOURED_SHARE)


def fit_square(picture: np.ndarray, size_px: int) -> np.ndarray:
    """Brings a picture to a square: aspect kept, the rest filled with the border's median colour.

    Args:
        picture: uint8 (height, width) or (height, width, 3).
        size_px: the side wanted.
    Returns:
        uint8 (size_px, size_px) or (size_px, size_px, 3); the same array if it already fits.
    """
    height, width = picture.shape[:2]
    if height == width == size_px:
        return picture
    scale = size_px / max(height, width)
    shape = (max(1, round(width * scale)), max(1, round(height * scale)))
    picture = cv2.resize(picture, shape, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR)
    border = np.concatenate([picture[0], picture[-1], picture[:, 0], picture[:, -1]])
    ground = np.median(border, axis=0).astype(np.uint8)
    square = np.empty((size_px, size_px, *picture.shape[2:]), np.uint8)
    square[:] = ground
    top, left = (size_px - shape[1]) // 2, (size_px - shape[0]) // 2
    square[top : top + shape[1], left : left + shape[0]] = picture
    return square


def _open(content: bytes, name: str) -> Image.Image:
    """Finds the decoder by the first bytes. Not Image.open: that warns of big pictures before we can refuse them."""
    if not content:
        raise PictureError(f"{name} is empty (0 bytes); a picture was wanted.")
    if content.startswith(b"%PDF-"):
        return _page(content, name)
    if content[4:8] == b"ftyp" and content[8:12] in _HEIC_BRANDS and b"avif" not in content[:_BRANDS_END]:
        return _heic(content, name)
    for format, plugin in FORMATS.items():
        import_module(f"PIL.{plugin}")  # Image.init would import forty, a tenth of a second
        factory, accept = Image.OPEN[format]
        if accept is None or accept(content[:16]) is True:
            return factory(io.BytesIO(content), name)
    raise PictureError(f"{name} is not a picture that can be read: its content is none of {', '.join(FORMATS)}.")


def _needed(module: str, extra: str, words: str) -> Any:
    """A package of an extra; PictureError with words about the picture, and the fix, where it is not installed."""
    try:
        return import_module(module)
    except ModuleNotFoundError:
        raise PictureError(f'{words}: pip install "inksight[{extra}]"; or save it as JPEG or PNG.') from None


def _heic(content: bytes, name: str) -> Image.Image:
    """A photo as iPhones save it."""
    _needed("pi_heif", "heic", f"{name} is a HEIC picture. To read these").register_heif_opener(thumbnails=False)
    factory, _ = Image.OPEN["HEIF"]
    return factory(io.BytesIO(content), name)


def _page(content: bytes, name: str) -> Image.Image:
    """The first page of a PDF at PAGE_DPI."""
    pypdfium2 = _needed("pypdfium2", "pdf", f"{name} is a PDF. To read its first page")
    with pypdfium2.PdfDocument(content) as document:
        page = document[0]
        scale = min(PAGE_DPI / 72, PAGE_PX / max(page.get_size()))
        image: Image.Image = page.render(scale=scale).to_pil()
        image.info["pages"] = len(document)
    return image


def _scale_for(pixels: int) -> int:
    """By which whole number a picture's sides are divided, so that it has at most SHARP_PIXELS."""
    return next(scale for scale in (1, 2, 4, 8) if pixels <= SHARP_PIXELS * scale**2)


def _notes(image: Image.Image) -> tuple[str, ...]:
    """What the owner should know. Frames are not counted: a small file may hold very many."""
    if image.info.get("pages", 1) > 1:
        return ("the document has several pages; only the first was read.",)
    if image.format in ("MPO", "HEIF") or not getattr(image, "is_animated", False):  # phones hide a second view there
        return ()
    return (f"the picture has several {'pages' if image.format == 'TIFF' else 'frames'}; only the first was read.",)


def _reduced(image: Image.Image, scale: int) -> Image.Image:
    """An image averaged over squares of `scale` pixels a side."""
    if image.mode.startswith("I;16"):
        values = np.asarray(image).astype(np.uint16)
        values = cv2.resize(values, None, fx=1 / scale, fy=1 / scale, interpolation=cv2.INTER_AREA)
        return Image.fromarray(values)
    if "transparency" in image.info:
        image = image.convert("RGBA")
    elif image.mode in ("1", "P", "PA"):
        image = image.convert({"1": "L", "P": "RGB", "PA": "RGBA"}[image.mode])
    return image.reduce(scale)


def _pixels(image: Image.Image, name: str) -> np.ndarray:
    """Any Pillow mode -> uint8 grey or RGB."""
    if image.mode.startswith("I") or image.mode == "F":
        return _to_bytes(np.asarray(image), name)
    if "transparency" in image.info or image.mode in ("RGBA", "LA", "PA", "La", "RGBa"):
        return _flatten(image.convert("RGBA"))
    mode = "L" if image.mode in ("1", "L") else "RGB"
    pixels = np.array(image if image.mode == mode else image.convert(mode))
    return pixels if mode == "L" else _without_needless_colour(pixels)


def _to_bytes(values: np.ndarray, name: str) -> np.ndarray:
    """16- and 32-bit grey -> 8-bit; the range is read off the values (0–1, 0–255, 0–65535)."""
    if not np.isfinite(values).all():
        raise PictureError(f"{name} has pixels that are not numbers (NaN or infinite); 0 to 255 were wanted.")
    low, high = float(values.min()), float(values.max())
    if low < 0 or high > 65535:
        raise PictureError(f"{name} has pixels from {low:g} to {high:g}; 0 to 65535 at most were wanted.")
    if values.dtype.kind == "f" and high <= 1:
        scale = 255.0
    elif values.dtype == np.uint16 or high > 255:
        scale = 1 / 257
    else:
        scale = 1.0
    return np.asarray(np.rint(np.multiply(values, scale, dtype=np.float32)), np.uint8)


def _flatten(image: Image.Image) -> np.ndarray:
    """Lays a transparent picture on white, or on black when what it shows is itself bright."""
    rgba = np.asarray(image)
    weight = int(rgba[..., 3].sum(dtype=np.int64))
    brightness = int(np.einsum("hwc,hw->", rgba[..., :3], rgba[..., 3], dtype=np.int64))
    opaque = weight > 0.98 * 255 * image.width * image.height
    ground = 255 if opaque or brightness <= 128 * 3 * weight else 0
    laid = Image.new("RGB", image.size, (ground, ground, ground))
    laid.paste(image, mask=image)
    return _without_needless_colour(np.array(laid))


def _without_needless_colour(rgb: np.ndarray) -> np.ndarray:
    """An RGB picture whose three channels are equal is grey."""
    red = rgb[..., 0]
    if np.array_equal(red, rgb[..., 1]) and np.array_equal(red, rgb[..., 2]):
        return np.ascontiguousarray(red)
    return rgb
