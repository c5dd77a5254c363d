"""Files that people send without knowing what is in them: an answer or an error in words, and what to know about it."""

import io
import json

import cv2
import numpy as np
import pytest
from PIL import Image

import inksight
from inksight.errors import PictureError
from inksight.imaging.decode import load_picture

SEVERAL = "the picture has several frames; only the first was read."


@pytest.fixture(scope="module")
def reader() -> inksight.Predictor:
    return inksight.Predictor.shipped()


@pytest.fixture(scope="module")
def drawing(mnist):
    """The first test digit, a 7, dark on white: uint8 (168, 168)."""
    seven = cv2.resize(mnist.test.images[0], (112, 112), interpolation=cv2.INTER_CUBIC)
    return 255 - np.pad(seven, 28)


@pytest.fixture(scope="module")
def folder(tmp_path_factory, drawing):
    """An animated 7 that turns over, and a still one."""
    place = tmp_path_factory.mktemp("odd")
    frames = [Image.fromarray(drawing), Image.fromarray(drawing[::-1].copy())]
    frames[0].save(place / "animated.gif", save_all=True, append_images=frames[1:])
    frames[0].save(place / "still.gif")
    return place


def encode(image, format, **options):
    buffer = io.BytesIO()
    image.save(buffer, format, **options)
    return buffer.getvalue()


def test_an_animated_picture_is_answered_by_its_first_frame_and_says_so(reader, folder):
    for answer in (reader.predict(folder / "animated.gif"), reader.predict((folder / "animated.gif").read_bytes())):
        assert (answer.label, answer.notes, answer.to_dict()["notes"]) == ("7", (SEVERAL,), [SEVERAL])
    assert reader.predict(folder / "still.gif").notes == ()
    assert [answer.notes for answer in reader.predict_many([folder / "still.gif", folder / "animated.gif"])] == [
        (),
        (SEVERAL,),
    ]
    reading = reader.read(load_picture(folder / "animated.gif"), "a 7")
    assert (reading.source, reading.text, reading.notes) == ("a 7", "7", (SEVERAL,))


@pytest.mark.parametrize("verb", ["predict", "read"])
def test_notes_on_the_command_line(command, folder, verb):
    said = command(folder, verb, "still.gif", "animated.gif", "--model", "shipped")
    summary = "2 pictures: 7 (2).\n" if verb == "predict" else ""
    assert said.returncode == 0 and said.stderr == f"animated.gif: {SEVERAL}\n{summary}"
    assert said.stdout.splitlines()[-1].startswith("animated.gif: 7")
    done = command(folder, verb, "still.gif", "animated.gif", "--json", "--model", "shipped")
    assert done.returncode == 0 and done.stderr == ""
    assert [json.loads(line)["notes"] for line in done.stdout.splitlines()] == [[], [SEVERAL]]


@pytest.mark.parametrize("verb", ["predict", "read"])
def test_prints_and_scans_are_read_like_any_picture(reader, drawing, verb):
    colour = Image.fromarray(drawing).convert("CMYK")
    deep = Image.fromarray(drawing.astype(np.uint16) * 257)
    for content in (encode(colour, "JPEG", quality=90), encode(deep, "TIFF"), encode(colour, "TIFF")):
        answer = getattr(reader, verb)(content)
        assert (answer.label if verb == "predict" else answer.text) == "7" and answer.notes == ()


@pytest.mark.parametrize("verb", ["predict", "read"])
@pytest.mark.parametrize("mode", ["1", "L", "RGB", "RGBA", "CMYK", "I;16"])
def test_a_single_pixel_is_blank(reader, verb, mode):
    with pytest.raises(PictureError, match="the picture is blank: its darkest and lightest pixels differ by 0 of 255"):
        getattr(reader, verb)(encode(Image.new(mode, (1, 1)), "TIFF"))


@pytest.mark.parametrize("verb", ["predict", "read"])
@pytest.mark.parametrize("cell", [1, 8, 64, 1000])
def test_a_checkerboard_of_16_megapixels_is_no_sure_digit(reader, verb, cell):
    rows, columns = np.meshgrid(*[np.arange(4096, dtype=np.uint16) // cell] * 2, indexing="ij")
    board = encode(Image.fromarray(((rows + columns) % 2 * 255).astype(np.uint8)), "PNG", compress_level=1)
    try:
        answer = getattr(reader, verb)(board)
    except PictureError as error:
        assert any(reason in str(error) for reason in ("blank", "nothing stands out", "too much to read"))
    else:
        assert verb == "read" or answer.verdict != "class"
