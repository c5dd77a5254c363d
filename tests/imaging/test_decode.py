"""Untrusted bytes: every format that is promised, and everything that is not a picture."""

import base64
import io
import re
import struct
import subprocess
import sys
import tracemalloc
import zlib

import cv2
import numpy as np
import pytest
from PIL import Image

from inksight.errors import PictureError
from inksight.imaging.decode import FORMATS, fit_square, load_picture, parse_picture
from inksight.inference.predictor import Predictor

GREY = np.add.outer(np.arange(0, 200, 5), np.arange(0, 50)).astype(np.uint8)  # 40 × 50, all levels, nothing symmetric
RGB = np.stack([GREY, 255 - GREY, GREY // 2], axis=-1)
HEIC = base64.b64decode(  # by pillow-heif 1.8.1: grey 40, 96 × 64, with a square of 200 in the middle
    "AAAAHGZ0eXBoZWljAAAAAG1pZjFoZWljbWlhZgAAAVZtZXRhAAAAAAAAACFoZGxyAAAAAAAAAABwaWN0AAAAAAAAAAAAAAAAAAAAACJpbG9jAA"
    "AAAERAAAEAAQAAAAABegABAAAAAAAAAT4AAAAjaWluZgAAAAAAAQAAABVpbmZlAgAAAAABAABodmMxAAAAAA5waXRtAAAAAAABAAAA1mlwcnAA"
    "AAC3aXBjbwAAAHhodmNDAQNwAAAAkAAAAAAAHvAA/P34+AAADwNgAAEAGEABDAH//wNwAAADAJAAAAMAAAMAHroCQGEAAQArQgEBA3AAAAMAkA"
    "AAAwAAAwAeoDCBBZbqSSmubgIaDAgAAAMAyAAAAwAIQGIAAQAHRAHBcrAiQAAAABNjb2xybmNseAABAA0ABoAAAAAUaXNwZQAAAAAAAABgAAAA"
    "QAAAABBwaXhpAAAAAAMICAgAAAAXaXBtYQAAAAAAAAABAAEEgQIDBAAAAUZtZGF0AAABOigBrwT4Qa7Mlm/+nIPgm8wL8jb/f7zCNo65GK5U1q"
    "EmOJ6kO/v639c5HzhnLU4ieiz3gY/Njd/23aShafm/ItCVUcdzeHN2kLn7G3s2/rS/mginTzloO89ox0eYCIUQNAchx34i9p7nt04yJXEy632c"
    "b3XPu6vz/okyO80+W2TLNN3fxB+gSFHABkW5RMk4MLF+PY9Ng9sL6/mb29HJxM4xO3u/f93n/TbDQ8/meGariX8fyDhOEJl3oLYxpCFATW2u67"
    "j4dvPAr+DsWX30a+PxvJQY5JB/WM7/jfxfw/Vr1/970/FSpW0Kxmk4qxWrrnbOlm4zZNWs62xH2KQFdYb0CFMD4fO9a5RfX59fhzx/wT/Cv+6O"
    "VEXusPUQYURoORezSI2oa8GXBdOSWvlBo/lVuhsgoSN/50dc"
)


def encode(array, format="PNG", mode=None, **options):
    image = array if isinstance(array, Image.Image) else Image.fromarray(array)
    buffer = io.BytesIO()
    (image.convert(mode) if mode else image).save(buffer, format, **options)
    return buffer.getvalue()


def pixels_of(content, name="the picture"):
    return parse_picture(content, name).pixels


def png_that_claims(width, height):
    """A valid small file whose header says width × height."""

    def chunk(kind, content):
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    rows = zlib.compress(bytes(1000))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")


@pytest.mark.parametrize("format", FORMATS)
def test_every_format_grey_and_colour(format):
    options = {"WEBP": {"lossless": True}, "JPEG": {"quality": 98}, "AVIF": {"quality": 100}}.get(format, {})
    near = {"JPEG": 3, "AVIF": 1}.get(format, 0)
    grey = pixels_of(encode(GREY, format, **options))
    assert grey.shape == GREY.shape and grey.dtype == np.uint8
    assert np.abs(grey.astype(int) - GREY).mean() <= near
    colour = pixels_of(encode(RGB, format, **options))
    assert colour.shape == RGB.shape and colour.dtype == np.uint8
    assert np.abs(colour.astype(int) - RGB).mean() <= (12 if format == "GIF" else near)


def test_the_extension_does_not_matter(tmp_path):
    path = tmp_path / "really-a-jpeg.png"
    path.write_bytes(encode(GREY, "JPEG", quality=98))
    assert np.abs(load_picture(path).pixels.astype(int) - GREY).mean() < 3


def test_16_bits():
    assert np.array_equal(pixels_of(encode(GREY.astype(np.uint16) * 257)), GREY)
    assert np.array_equal(pixels_of(encode(GREY.astype(np.uint16) * 257, "TIFF")), GREY)
    big_endian = Image.frombytes("I;16B", GREY.shape[::-1], (GREY.astype(">u2") * 257).tobytes())
    assert np.array_equal(pixels_of(encode(big_endian, "TIFF")), GREY)
    nearest = np.arange(65536, dtype=np.uint16).reshape(256, 256)
    assert np.array_equal(pixels_of(encode(nearest)), (nearest.astype(np.int64) + 128) // 257)


@pytest.mark.parametrize("scale", [1, 1 / 255])
def test_floating_point(scale):
    values = (GREY * scale).astype(np.float32)
    assert np.array_equal(pixels_of(encode(values, "TIFF")), GREY)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_pixels_that_are_no_numbers(bad):
    values = GREY.astype(np.float32)
    values[3, 4] = bad
    with pytest.raises(PictureError, match=r"x\.tif has pixels that are not numbers \(NaN or infinite\); 0 to 255"):
        pixels_of(encode(values, "TIFF"), "x.tif")


def test_pixels_out_of_any_range():
    with pytest.raises(PictureError, match=r"has pixels from -1 to 2; 0 to 65535 at most were wanted"):
        pixels_of(encode(np.array([[-1, 2]], np.float32), "TIFF"))


def test_palette_and_two_colours():
    assert np.array_equal(pixels_of(encode(GREY, mode="P")), GREY)
    two = pixels_of(encode(GREY > 100))
    assert np.array_equal(two, (GREY > 100) * np.uint8(255))


def test_colour_without_colour_is_grey():
    assert pixels_of(encode(np.repeat(GREY[..., None], 3, axis=-1))).shape == GREY.shape


@pytest.mark.parametrize(("ink", "ground"), [(0, 255), (255, 0), (40, 255), (220, 0)])
def test_transparency_shows_the_ink(ink, ground):
    rgba = np.full((20, 20, 4), ink, np.uint8)
    rgba[..., 3] = 0
    rgba[5:15, 8:12, 3] = 255
    picture = pixels_of(encode(rgba))
    assert picture.shape == (20, 20)
    assert (picture[5:15, 8:12] == ink).all() and picture[0, 0] == ground


def test_half_transparent_edges_are_blended():
    rgba = np.zeros((1, 3, 4), np.uint8)
    rgba[0, :, 3] = 0, 128, 255
    assert pixels_of(encode(rgba)).tolist() == [[255, 127, 0]]


def test_an_opaque_alpha_changes_nothing():
    rgba = np.dstack([RGB, np.full(GREY.shape, 255, np.uint8)])
    assert np.array_equal(pixels_of(encode(rgba)), RGB)


def test_a_transparent_palette():
    image = Image.fromarray((GREY > 100).astype(np.uint8)).convert("P")
    image.putpalette([0, 0, 0, 30, 30, 30])
    picture = pixels_of(encode(image, transparency=0))
    assert np.array_equal(picture == 30, GREY > 100)
    assert (picture[GREY <= 100] == 255).all()


def test_grey_with_alpha():
    image = Image.merge("LA", [Image.new("L", (9, 9), 0), Image.fromarray(np.eye(9, dtype=np.uint8) * 255)])
    assert np.array_equal(pixels_of(encode(image)), 255 - np.eye(9, dtype=np.uint8) * 255)


@pytest.mark.parametrize(
    ("orientation", "stored"),
    [(1, GREY), (3, np.rot90(GREY, 2)), (6, np.rot90(GREY)), (8, np.rot90(GREY, 3)), (2, GREY[:, ::-1])],
)
def test_exif_turns_it_upright(orientation, stored):
    exif = Image.Exif()
    exif[0x0112] = orientation
    for format, options in (("JPEG", {"quality": 98}), ("PNG", {})):
        picture = pixels_of(encode(np.ascontiguousarray(stored), format, exif=exif, **options))
        assert picture.shape == GREY.shape
        assert np.abs(picture.astype(int) - GREY).mean() < 3


def test_cmyk():
    picture = pixels_of(encode(GREY, "JPEG", mode="CMYK", quality=98))
    grey = picture if picture.ndim == 2 else picture.mean(axis=-1)
    assert np.abs(grey - GREY).mean() < 4


FRAMES = [Image.fromarray(np.full((10, 10), level, np.uint8)) for level in (50, 150, 250)]


@pytest.mark.parametrize(
    ("format", "parts"), [("GIF", "frames"), ("PNG", "frames"), ("WEBP", "frames"), ("TIFF", "pages")]
)
def test_of_several_frames_the_first_is_read_and_it_says_so(format, parts):
    options = {"WEBP": {"lossless": True}}.get(format, {})
    parsed = parse_picture(encode(FRAMES[0], format, save_all=True, append_images=FRAMES[1:], **options))
    assert (parsed.pixels == 50).all()
    assert parsed.notes == (f"the picture has several {parts}; only the first was read.",)
    assert parse_picture(encode(FRAMES[0], format, save_all=True, **options)).notes == ()


def test_the_second_view_that_a_phone_hides_in_a_jpeg_is_not_spoken_of():
    parsed = parse_picture(encode(FRAMES[0], "MPO", save_all=True, append_images=FRAMES[1:]))
    assert np.abs(parsed.pixels.astype(int) - 50).max() < 3 and parsed.notes == ()


@pytest.mark.parametrize("format", FORMATS)
@pytest.mark.parametrize("share", [0.02, 0.3, 0.6])
def test_a_file_cut_short(format, share):
    noise = np.random.default_rng(0).integers(0, 256, (200, 200), dtype=np.uint8)
    content = encode(noise, format)
    with pytest.raises(PictureError, match=r"cut\.bin is damaged or cut short \(.+\)\. Save or copy it again"):
        pixels_of(content[: int(len(content) * share)], "cut.bin")


def test_a_png_cut_inside_its_header_is_still_called_cut():
    with pytest.raises(PictureError, match=r"cut\.png is damaged or cut short"):
        pixels_of(encode(RGB)[:20], "cut.png")


@pytest.mark.parametrize("place", [20, 45, 60])
def test_flipped_bytes_never_trace_back(place):
    content = bytearray(encode(RGB))
    content[place : place + 8] = b"\xff" * 8
    with pytest.raises(PictureError, match=r"damaged or cut short|MP\); at most|is not a picture"):
        pixels_of(bytes(content))


def test_a_text_named_png(tmp_path):
    path = tmp_path / "notes.png"
    path.write_text("these are words")
    with pytest.raises(
        PictureError, match=r"notes\.png is not a picture that can be read: its content is none of PNG, JPEG"
    ):
        load_picture(path)


@pytest.mark.parametrize(
    "content", [b"%!PS-Adobe-3.0 EPSF-3.0\n", b"<svg xmlns='http://www.w3.org/2000/svg'/>", b"8BPS"]
)
def test_formats_that_are_not_promised_are_not_opened(content):
    with pytest.raises(PictureError, match="is not a picture that can be read"):
        pixels_of(content + bytes(100))


def test_an_empty_file(tmp_path):
    path = tmp_path / "empty.png"
    path.touch()
    with pytest.raises(PictureError, match=r"empty\.png is empty \(0 bytes\); a picture was wanted"):
        load_picture(path)


def test_no_file_and_a_folder(tmp_path):
    with pytest.raises(PictureError, match=r"no picture .*gone\.png: there is no such file\. Check the path"):
        load_picture(tmp_path / "gone.png")
    with pytest.raises(PictureError, match="cannot be read: Is a directory"):
        load_picture(tmp_path)


def test_a_hundred_megapixels_are_refused_before_decoding():
    content = png_that_claims(10_000, 10_000)
    tracemalloc.start()
    try:
        with pytest.raises(
            PictureError, match=r"big\.png is 10,000×10,000 pixels \(100 MP\); at most 64 MP are decoded"
        ):
            pixels_of(content, "big.png")
        assert tracemalloc.get_traced_memory()[1] < 2_000_000
    finally:
        tracemalloc.stop()


def test_the_most_that_is_decoded():
    assert parse_picture(encode(Image.new("1", (4096, 4096)))).scale == 1
    most = parse_picture(encode(Image.new("1", (8192, 8192))))
    assert most.pixels.shape == (4096, 4096) and most.scale == 2
    with pytest.raises(PictureError, match=r"8,193×8,192 pixels \(67 MP\)"):
        pixels_of(encode(Image.new("1", (8193, 8192))))


@pytest.mark.parametrize(
    ("format", "mode"),
    [("JPEG", "L"), ("JPEG", "RGB"), ("PNG", "L"), ("PNG", "P"), ("PNG", "RGBA"), ("TIFF", "I;16"), ("TIFF", "F")],
)
def test_a_large_picture_is_made_smaller(monkeypatch, format, mode):
    """It shows the same as when each 2×2 pixels are averaged."""
    monkeypatch.setattr("inksight.imaging.decode.SHARP_PIXELS", 100 * 100)
    monkeypatch.setattr("inksight.imaging.decode.JPEG_PIXELS", 100 * 100)
    smooth = (np.add.outer(np.arange(200), np.arange(150)) // 2).astype(np.uint8)
    picture = {"I;16": smooth.astype(np.uint16) * 257, "F": smooth.astype(np.float32)}.get(mode, smooth)
    image = Image.fromarray(picture)
    image = image if mode in ("I;16", "F") else image.convert(mode)
    parsed = parse_picture(encode(image, format))
    assert parsed.scale == 2 and parsed.pixels.shape[:2] == (100, 75)
    expected = smooth.reshape(100, 2, 75, 2).mean(axis=(1, 3))
    shown = parsed.pixels if parsed.pixels.ndim == 2 else parsed.pixels[..., 0]
    assert np.abs(shown - expected).max() <= 2


def test_boxes_of_a_large_picture_are_in_its_own_pixels(mnist):
    """Digits on a sheet of 24 MP, read at half its size."""
    firsts = [mnist.train.images[(mnist.train.labels == label).argmax()] for label in (7, 3)]
    digits = [cv2.resize(255 - first, (600, 600)) for first in firsts]
    sheet = np.full((4000, 6000), 255, np.uint8)
    for digit, left in zip(digits, (1800, 2500), strict=True):
        sheet[1500:2100, left : left + 600] = digit
    content = encode(sheet, "JPEG")
    assert parse_picture(content).scale == 2
    reading = Predictor.shipped().read(content)
    assert reading.text == "73"
    for sign, left in zip(reading.digits, (1800, 2500), strict=True):
        assert left <= sign.box[0] and sign.box[0] + sign.box[2] <= left + 600
        assert 350 < sign.box[3] < 500  # 20 of MNIST's 28 pixels


def test_a_heic_photo():
    """Written by another program: grey 40 with a square of 200."""
    pytest.importorskip("pi_heif", reason="the extra heic is not installed")
    parsed = parse_picture(HEIC)
    assert parsed.pixels.shape[:2] == (64, 96)
    assert abs(int(parsed.pixels[5, 5].max()) - 40) < 4 and abs(int(parsed.pixels[32, 48].max()) - 200) < 4


def test_heic_and_pdf_name_their_extras(monkeypatch):
    for module in ("pi_heif", "pypdfium2"):
        monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(PictureError, match=r'photo is a HEIC picture.*pip install "inksight\[heic\]"'):
        pixels_of(b"\0\0\0\x18ftypheic" + bytes(16), "photo")
    with pytest.raises(PictureError, match=r'form\.pdf is a PDF.*pip install "inksight\[pdf\]"'):
        pixels_of(b"%PDF-1.7 ...", "form.pdf")


def test_an_avif_that_names_the_general_brand_first():
    content = encode(GREY, "AVIF", quality=100)
    assert content[8:12] == b"avif" and b"avif" in content[16:64]
    assert np.abs(pixels_of(content[:8] + b"mif1" + content[12:]).astype(int) - GREY).mean() <= 1


def test_the_first_page_of_a_pdf():
    pytest.importorskip("pypdfium2", reason="the extra pdf is not installed")
    pages = [Image.fromarray(np.full((400, 300), level, np.uint8)) for level in (90, 200)]
    kept = io.BytesIO()
    pages[0].save(kept, "PDF", save_all=True, append_images=pages[1:], resolution=72)
    parsed = parse_picture(kept.getvalue())
    assert parsed.pixels.shape == (1112, 834) and np.abs(parsed.pixels.astype(int) - 90).max() < 3
    assert parsed.notes == ("the document has several pages; only the first was read.",)
    with pytest.raises(PictureError, match="damaged or cut short"):
        pixels_of(kept.getvalue()[:200])


@pytest.mark.parametrize("mode", ["1", "L", "RGB", "RGBA", "I;16"])
def test_a_single_pixel(mode):
    assert pixels_of(encode(Image.new(mode, (1, 1)), "TIFF")).shape == (1, 1)


@pytest.mark.skipif(sys.platform != "linux", reason="how much memory a process took at most is asked of Linux")
@pytest.mark.slow
def test_the_biggest_pictures_take_bounded_memory(tmp_path):
    """64 MP of every costly kind, decoded one after another in a process of its own: at most 700 MB in all."""
    columns, rows = np.meshgrid(*[np.arange(8192, dtype=np.uint16) // 300] * 2)
    board = ((rows + columns) % 2 * 255).astype(np.uint8)
    colours = np.dstack([board, 255 - board, board // 2])
    made = {
        "transparent.png": encode(np.dstack([colours, board]), compress_level=1),
        "colours.png": encode(colours, compress_level=1),
        "16-bits.tif": encode(board.astype(np.uint16) * 257, "TIFF"),
        "real.tif": encode(board.astype(np.float32), "TIFF"),
        "cmyk.jpg": encode(colours, "JPEG", mode="CMYK"),
    }
    for name, content in made.items():
        (tmp_path / name).write_bytes(content)
    program = (
        "import sys; from inksight.imaging.decode import load_picture\n"
        "for name in sys.argv[1:]: assert load_picture(name).pixels.shape[:2] == (4096, 4096)\n"
        "print(open('/proc/self/status').read())"  # ru_maxrss would count the parent's memory
    )
    command = [sys.executable, "-c", program, *made]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True, timeout=120)
    (peak_kb,) = re.findall(r"VmHWM:\s*(\d+) kB", done.stdout)
    assert int(peak_kb) < 700_000


def test_fit_square_keeps_what_fits():
    square = GREY[:28, :28]
    assert fit_square(square, 28) is square


@pytest.mark.parametrize(
    ("shape", "side"), [((40, 50), 28), ((50, 10), 28), ((3, 90), 32), ((1, 1), 28), ((7, 7, 3), 28)]
)
def test_fit_square_keeps_the_aspect(shape, side):
    picture = np.full(shape, 90, np.uint8)
    picture[shape[0] // 2, shape[1] // 2] = 200
    square = fit_square(picture, side)
    assert square.shape == (side, side, *shape[2:]) and square.dtype == np.uint8
    assert np.median(square) == (200 if shape == (1, 1) else 90)


def test_fit_square_fills_with_the_border_colour():
    picture = np.zeros((20, 60, 3), np.uint8)
    picture[:] = (200, 150, 100)
    picture[8:12, 20:40] = 0
    square = fit_square(picture, 30)
    assert (square[0] == (200, 150, 100)).all() and (square[-1] == (200, 150, 100)).all()
    assert square[15, 15].max() < 60
