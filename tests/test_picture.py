"""Untrusted bytes: every format that is promised, and everything that is not a picture."""

import io
import struct
import tracemalloc
import zlib

import numpy as np
import pytest
from PIL import Image

from inksight.errors import PictureError
from inksight.picture import FORMATS, MAX_PIXELS, fit_square, load_picture, parse_picture

GREY = np.add.outer(np.arange(0, 200, 5), np.arange(0, 50)).astype(np.uint8)  # 40 × 50, all levels, nothing symmetric
RGB = np.stack([GREY, 255 - GREY, GREY // 2], axis=-1)


def encode(array, format="PNG", mode=None, **options):
    image = array if isinstance(array, Image.Image) else Image.fromarray(array)
    buffer = io.BytesIO()
    (image.convert(mode) if mode else image).save(buffer, format, **options)
    return buffer.getvalue()


def png_that_claims(width, height):
    """A valid small file whose header says width × height."""

    def chunk(kind, content):
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    rows = zlib.compress(bytes(1000))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")


@pytest.mark.parametrize("format", FORMATS)
def test_every_format_grey_and_colour(format):
    options = {"WEBP": {"lossless": True}, "JPEG": {"quality": 98}}.get(format, {})
    near = 3 if format == "JPEG" else 0
    grey = parse_picture(encode(GREY, format, **options))
    assert grey.shape == GREY.shape and grey.dtype == np.uint8
    assert np.abs(grey.astype(int) - GREY).mean() <= near
    colour = parse_picture(encode(RGB, format, **options))
    assert colour.shape == RGB.shape and colour.dtype == np.uint8
    assert np.abs(colour.astype(int) - RGB).mean() <= (12 if format == "GIF" else near)


def test_the_extension_does_not_matter(tmp_path):
    path = tmp_path / "really-a-jpeg.png"
    path.write_bytes(encode(GREY, "JPEG", quality=98))
    assert np.abs(load_picture(path).astype(int) - GREY).mean() < 3


def test_16_bits():
    assert np.array_equal(parse_picture(encode(GREY.astype(np.uint16) * 257)), GREY)
    assert np.array_equal(parse_picture(encode(GREY.astype(np.uint16) * 257, "TIFF")), GREY)


@pytest.mark.parametrize("scale", [1, 1 / 255])
def test_floating_point(scale):
    values = (GREY * scale).astype(np.float32)
    assert np.array_equal(parse_picture(encode(values, "TIFF")), GREY)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_pixels_that_are_no_numbers(bad):
    values = GREY.astype(np.float32)
    values[3, 4] = bad
    with pytest.raises(PictureError, match=r"x\.tif has pixels that are not numbers \(NaN or infinite\); 0 to 255"):
        parse_picture(encode(values, "TIFF"), "x.tif")


def test_pixels_out_of_any_range():
    with pytest.raises(PictureError, match=r"has pixels from -1 to 2; 0 to 65535 at most were wanted"):
        parse_picture(encode(np.array([[-1, 2]], np.float32), "TIFF"))


def test_palette_and_two_colours():
    assert np.array_equal(parse_picture(encode(GREY, mode="P")), GREY)
    two = parse_picture(encode(GREY > 100))
    assert np.array_equal(two, (GREY > 100) * np.uint8(255))


def test_colour_without_colour_is_grey():
    assert parse_picture(encode(np.repeat(GREY[..., None], 3, axis=-1))).shape == GREY.shape


@pytest.mark.parametrize(("ink", "ground"), [(0, 255), (255, 0), (40, 255), (220, 0)])
def test_transparency_shows_the_ink(ink, ground):
    rgba = np.full((20, 20, 4), ink, np.uint8)
    rgba[..., 3] = 0
    rgba[5:15, 8:12, 3] = 255
    picture = parse_picture(encode(rgba))
    assert picture.shape == (20, 20)
    assert (picture[5:15, 8:12] == ink).all() and picture[0, 0] == ground


def test_half_transparent_edges_are_blended():
    rgba = np.zeros((1, 3, 4), np.uint8)
    rgba[0, :, 3] = 0, 128, 255
    assert parse_picture(encode(rgba)).tolist() == [[255, 127, 0]]


def test_an_opaque_alpha_changes_nothing():
    rgba = np.dstack([RGB, np.full(GREY.shape, 255, np.uint8)])
    assert np.array_equal(parse_picture(encode(rgba)), RGB)


def test_a_transparent_palette():
    image = Image.fromarray((GREY > 100).astype(np.uint8)).convert("P")
    image.putpalette([0, 0, 0, 30, 30, 30])
    picture = parse_picture(encode(image, transparency=0))
    assert np.array_equal(picture == 30, GREY > 100)
    assert (picture[GREY <= 100] == 255).all()


def test_grey_with_alpha():
    image = Image.merge("LA", [Image.new("L", (9, 9), 0), Image.fromarray(np.eye(9, dtype=np.uint8) * 255)])
    assert np.array_equal(parse_picture(encode(image)), 255 - np.eye(9, dtype=np.uint8) * 255)


@pytest.mark.parametrize(
    ("orientation", "stored"),
    [(1, GREY), (3, np.rot90(GREY, 2)), (6, np.rot90(GREY)), (8, np.rot90(GREY, 3)), (2, GREY[:, ::-1])],
)
def test_exif_turns_it_upright(orientation, stored):
    exif = Image.Exif()
    exif[0x0112] = orientation
    for format, options in (("JPEG", {"quality": 98}), ("PNG", {})):
        picture = parse_picture(encode(np.ascontiguousarray(stored), format, exif=exif, **options))
        assert picture.shape == GREY.shape
        assert np.abs(picture.astype(int) - GREY).mean() < 3


def test_cmyk():
    picture = parse_picture(encode(GREY, "JPEG", mode="CMYK", quality=98))
    grey = picture if picture.ndim == 2 else picture.mean(axis=-1)
    assert np.abs(grey - GREY).mean() < 4


def test_an_animated_gif_is_its_first_frame():
    frames = [Image.fromarray(np.full((10, 10), level, np.uint8)) for level in (50, 150, 250)]
    content = encode(frames[0], "GIF", save_all=True, append_images=frames[1:])
    assert (parse_picture(content) == 50).all()


@pytest.mark.parametrize("format", FORMATS)
@pytest.mark.parametrize("share", [0.02, 0.3, 0.6])
def test_a_file_cut_short(format, share):
    noise = np.random.default_rng(0).integers(0, 256, (200, 200), dtype=np.uint8)
    content = encode(noise, format)
    with pytest.raises(PictureError, match=r"cut\.bin is damaged or cut short \(.+\)\. Save or copy it again"):
        parse_picture(content[: int(len(content) * share)], "cut.bin")


def test_a_png_cut_inside_its_header_is_still_called_cut():
    with pytest.raises(PictureError, match=r"cut\.png is damaged or cut short"):
        parse_picture(encode(RGB)[:20], "cut.png")


@pytest.mark.parametrize("place", [20, 45, 60])
def test_flipped_bytes_never_trace_back(place):
    content = bytearray(encode(RGB))
    content[place : place + 8] = b"\xff" * 8
    with pytest.raises(PictureError, match=r"damaged or cut short|MP\); at most|is not a picture"):
        parse_picture(bytes(content))


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
        parse_picture(content + bytes(100))


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
            PictureError, match=r"big\.png is 10,000×10,000 pixels \(100 MP\); at most 16 MP are decoded"
        ):
            parse_picture(content, "big.png")
        assert tracemalloc.get_traced_memory()[1] < 2_000_000
    finally:
        tracemalloc.stop()


def test_the_most_that_is_decoded():
    assert parse_picture(encode(Image.new("1", (4096, 4096)))).size == MAX_PIXELS
    with pytest.raises(PictureError, match=r"4,097×4,096 pixels \(17 MP\)"):
        parse_picture(encode(Image.new("1", (4097, 4096))))


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
