"""`inksight export --format html`, opened and used in a real browser."""

import io
import json
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

import inksight
from inksight.export.job import export_run
from inksight.export.proof import golden_pictures
from inksight.imaging import digit_input, digit_of_ink

pytestmark = pytest.mark.browser

RANDOM = np.random.default_rng(0)
NO_AXE = "axe-playwright-python is not installed: uv sync --group dev"
SEVEN = [(0.3, 0.22), (0.5, 0.2), (0.7, 0.22), (0.6, 0.4), (0.5, 0.6), (0.45, 0.82)]
ONE = [(0.5, 0.15), (0.5, 0.85)]
SCRIBBLE = [(0.1, 0.1), (0.9, 0.2), (0.1, 0.3), (0.9, 0.5), (0.2, 0.9), (0.9, 0.9), (0.1, 0.5)]


@pytest.fixture(scope="module")
def shipped(tmp_path_factory) -> Path:
    return export_run("shipped", "html", tmp_path_factory.mktemp("shipped") / "page.html").path


def draw(page, points, selector="#pad"):
    """Drags the mouse along points, each a share of the pad's sides."""
    box = page.locator(selector).bounding_box()
    places = [(box["x"] + x * box["width"], box["y"] + y * box["height"]) for x, y in points]
    page.mouse.move(*places[0])
    page.mouse.down()
    for place in places[1:]:
        page.mouse.move(*place, steps=5)
    page.mouse.up()
    settled(page)


def settled(page):
    """Waits until the page has answered what was done last."""
    page.evaluate("new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")


def ask(page, program: str, argument=None):
    """Calls a function of the page; both ways as JSON text, for Playwright takes numbers one by one, slowly."""
    return json.loads(page.evaluate(f"(text) => JSON.stringify(({program})(JSON.parse(text)))", json.dumps(argument)))


def probabilities(page, images: np.ndarray) -> np.ndarray:
    """What the page answers to pictures as the network takes them, uint8 (n, …) -> (n, classes)."""
    program = "(all) => all.map((pixels) => [...inksight.probabilities(Uint8Array.from(pixels))])"
    return np.array(ask(page, program, images.reshape(len(images), -1).tolist()))


def seen_by(page) -> np.ndarray:
    """What the network saw last."""
    return np.array(ask(page, "() => [...inksight.input()]")).reshape(28, 28)


def rgba(picture: np.ndarray) -> list[int]:
    """uint8 (height, width) or (height, width, 3) as ImageData has it."""
    colour = np.repeat(picture[..., None], 3, axis=-1) if picture.ndim == 2 else picture
    return np.dstack([colour, np.full(picture.shape[:2], 255, np.uint8)]).ravel().tolist()


def predict_all(page, pictures: Sequence[np.ndarray]) -> list[dict]:
    """The page's answers to pictures."""
    program = """(all) => all.map(([pixels, width, height]) => {
      const answer = inksight.predict(new ImageData(Uint8ClampedArray.from(pixels), width, height));
      return { ...answer, input: [...answer.input] };
    })"""
    return ask(page, program, [[rgba(picture), picture.shape[1], picture.shape[0]] for picture in pictures])


def assert_equal(page, folder):
    """100 golden pictures: the same labels, |Δp| ≤ 1e-5."""
    reader = inksight.Predictor.load(folder)
    images = golden_pictures(reader.card.size_px, reader.card.channels)[:100]
    found, expected = probabilities(page, images), reader.probabilities(images)
    assert (found.argmax(1) == expected.argmax(1)).all()
    assert np.abs(found - expected).max() <= 1e-5


def test_the_shipped_network_answers_as_onnx_runtime(open_page, shipped):
    assert_equal(open_page(shipped), "shipped")


def test_the_quick_network_answers_as_onnx_runtime(open_page, quick_run, tmp_path):
    path = export_run(quick_run.path, "html", tmp_path / "quick.html").path
    assert path.stat().st_size < 3_000_000
    assert_equal(open_page(path), quick_run.path)


def test_every_operator_answers_as_onnx_runtime(open_page, every_operator, tmp_path):
    export_run(every_operator, "html", tmp_path / "page.html")
    assert_equal(open_page(tmp_path / "page.html"), every_operator)


def test_a_seven_drawn_with_the_mouse_is_read(open_page, shipped):
    page = open_page(shipped)
    assert page.inner_text("#words") == "Draw, and the answer comes as you go."
    draw(page, SEVEN)
    assert page.inner_text("#label") == "7"
    assert page.get_attribute("#answer", "data-verdict") == "class"
    assert page.inner_text("#spoken").startswith("7, ") and page.inner_text("#spoken").endswith(" % sure")
    assert page.locator("#classes .best").inner_text().split()[0] == "7"
    assert page.locator("#classes li").count() == 10


def test_a_seven_drawn_with_a_finger_is_read(open_page, shipped):
    page = open_page(shipped, viewport={"width": 390, "height": 844}, has_touch=True)
    box = page.locator("#pad").bounding_box()
    places = [{"x": box["x"] + x * box["width"], "y": box["y"] + y * box["height"]} for x, y in SEVEN]
    touch = page.context.new_cdp_session(page)
    touch.send("Input.dispatchTouchEvent", {"type": "touchStart", "touchPoints": places[:1]})
    for place in places[1:]:
        touch.send("Input.dispatchTouchEvent", {"type": "touchMove", "touchPoints": [place]})
    touch.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})
    settled(page)
    assert page.inner_text("#label") == "7"
    assert page.evaluate("scrollY") == 0


def test_a_one_drawn_with_keys_is_read(open_page, shipped):
    page = open_page(shipped)
    page.focus("#pad")
    for key in ("ArrowUp",) * 10 + (" ",) + ("ArrowDown",) * 20 + (" ",):
        page.keyboard.press(key)
    settled(page)
    assert page.inner_text("#label") == "1"


def test_strokes_are_undone_and_cleared(open_page, shipped):
    page = open_page(shipped)
    assert page.is_disabled("#undo") and page.is_disabled("#clear")
    draw(page, ONE)
    draw(page, SCRIBBLE)
    page.keyboard.press("Control+z")
    settled(page)
    assert page.inner_text("#label") == "1"
    page.click("#clear")
    settled(page)
    assert page.inner_text("#label") == "–" and page.evaluate("inksight.input()") is None
    page.click("#undo")
    settled(page)
    assert page.inner_text("#label") == "1"
    page.keyboard.press("Escape")
    settled(page)
    assert page.inner_text("#label") == "–"


@pytest.mark.parametrize("width", [6, 22, 44])
def test_a_drawing_becomes_the_same_input_as_in_python(open_page, shipped, width):
    page = open_page(shipped)
    page.locator("#width").evaluate(
        "(slider, width) => { slider.value = width; slider.dispatchEvent(new Event('input')); }", width
    )
    for strokes in ([SEVEN], [ONE], [SCRIBBLE], [SEVEN, [(0.35, 0.5), (0.7, 0.45)]], [[(0.9, 0.1), (0.9, 0.1)]]):
        for stroke in strokes:
            draw(page, stroke)
        ink = np.array(ask(page, "() => [...inksight.drawing().data]"), np.uint8).reshape(240, 240, 4)
        assert (ink[..., 0] == ink[..., 2]).all() and ink.max() == 255
        assert np.abs(seen_by(page) - digit_of_ink(ink[..., 0])).max() <= 1
        if strokes in ([SEVEN], [ONE]):  # and as it does when the drawing comes as a picture file
            assert np.abs(seen_by(page) - digit_input(ink[..., 0]).astype(int)).max() <= 1
        page.click("#clear")


def test_a_tap_leaves_a_round_dot_as_wide_as_the_pen(open_page, shipped, ink_on):
    """While the pen is down as well as after it."""
    page = open_page(shipped)
    box = page.locator("#pad").bounding_box()
    page.mouse.move(box["x"] + 0.25 * box["width"], box["y"] + 0.4 * box["height"])
    page.mouse.down()
    settled(page)
    down = ink_on(page, "#pad")
    assert page.inner_text("#label") != "–" and page.is_hidden("#hint")
    page.mouse.up()
    settled(page)
    assert ink_on(page, "#pad") == down
    width_px = 22 * 640 / 320
    assert abs(down["width"] - width_px) <= 2 and abs(down["height"] - width_px) <= 2
    assert abs(down["area"] - np.pi * width_px**2 / 4) <= 0.02 * down["area"]
    assert abs(down["left"] + down["width"] / 2 - 160) <= 2 and abs(down["top"] + down["height"] / 2 - 256) <= 2


def planes(digits: np.ndarray):
    """Ink of all sizes and widths: enlarged digits, and lines from a hair to a marker."""
    for digit in digits:
        side = int(RANDOM.integers(8, 300))
        yield cv2.resize(digit, (side, side + int(RANDOM.integers(0, 9))), interpolation=cv2.INTER_CUBIC)
    for _ in range(40):
        plane = np.zeros((240, 320), np.uint8)
        points = RANDOM.integers(10, 230, (int(RANDOM.integers(2, 7)), 2)).astype(np.int32)
        cv2.polylines(plane, [points], False, 255, int(RANDOM.integers(1, 30)), cv2.LINE_AA)
        yield plane


def test_ink_of_any_size_is_framed_as_in_python(open_page, shipped, mnist):
    page = open_page(shipped)
    program = """(all) => all.map(([data, width, height]) => {
      return [...inksight.digitOfInk({ data: Uint8Array.from(data), width, height })];
    })"""
    inks = list(planes(mnist.test.images[:40]))
    found = ask(page, program, [[ink.ravel().tolist(), ink.shape[1], ink.shape[0]] for ink in inks])
    for ink, frame in zip(inks, found, strict=True):
        assert np.abs(np.array(frame).reshape(28, 28) - digit_of_ink(ink)).max() <= 1


def test_framed_pictures_are_judged_as_the_predictor_judges_them(open_page, shipped, mnist):
    """Digits, and noise in the middle: all three verdicts."""
    noise = np.zeros((60, 28, 28), np.uint8)
    noise[:, 4:24, 4:24] = RANDOM.integers(0, 256, (60, 20, 20))
    blends = (mnist.test.images[:60].astype(int) + mnist.test.images[60:120]).clip(0, 255).astype(np.uint8)
    page, reader = open_page(shipped), inksight.Predictor.shipped()
    pictures = [*mnist.test.images[:40], *noise, *blends]
    answers = predict_all(page, pictures)
    for picture, found, expected in zip(pictures, answers, reader.predict_many(pictures), strict=True):
        assert (found["verdict"], found["label"]) == (expected.verdict, expected.label)
        assert abs(found["confidence"] - expected.confidence) <= 1e-5
        assert (np.array(found["input"]).reshape(28, 28) == picture).all()
    assert {found["verdict"] for found in answers} == {"class", "unsure", "rejected"}


def on_paper(digit: np.ndarray) -> np.ndarray:
    """A digit as dark blue ink on light paper, away from the middle: uint8 (110, 90, 3)."""
    cover = np.zeros((110, 90, 1))
    cover[12:68, 24:80, 0] = cv2.resize(digit, (56, 56), interpolation=cv2.INTER_CUBIC) / 255.0
    return (np.array([235, 230, 220]) * (1 - cover) + np.array([30, 40, 110]) * cover).clip(0, 255).astype(np.uint8)


def png(picture: np.ndarray) -> bytes:
    content = io.BytesIO()
    Image.fromarray(picture).save(content, "PNG")
    return content.getvalue()


def test_pictures_on_paper_are_read(open_page, shipped, mnist):
    """In a simpler way than Python does, so one or two of 50 may come out otherwise."""
    page = open_page(shipped)
    found = [answer["label"] for answer in predict_all(page, [on_paper(digit) for digit in mnist.test.images[:50]])]
    assert np.mean(np.array(found, int) == mnist.test.labels[:50]) >= 0.96


def wait_for_label(page, label):
    page.wait_for_function("(label) => document.getElementById('label').textContent === label", arg=label)


BRINGING = """([kind, bytes]) => {
  const dataTransfer = new DataTransfer();
  dataTransfer.items.add(new File([Uint8Array.from(bytes)], "picture.png", { type: "image/png" }));
  const event = kind === "paste" ? new ClipboardEvent("paste", { clipboardData: dataTransfer })
    : new DragEvent("drop", { dataTransfer, cancelable: true });
  dispatchEvent(event);
}"""


def test_a_picture_is_chosen_dropped_or_pasted(open_page, shipped, mnist):
    page = open_page(shipped)
    files = [{"name": "a.png", "mimeType": "image/png", "buffer": png(on_paper(mnist.test.images[0]))}]
    page.set_input_files("#file", files)
    wait_for_label(page, "7")
    for kind, index, label in (("drop", 1, "2"), ("paste", 2, "1")):
        page.evaluate(BRINGING, [kind, list(png(on_paper(mnist.test.images[index])))])
        wait_for_label(page, label)
    files[0]["buffer"] = png(mnist.test.images[3])
    page.set_input_files("#file", files)
    wait_for_label(page, "0")
    assert (seen_by(page) == mnist.test.images[3]).all()
    draw(page, SEVEN)
    assert page.inner_text("#label") == "7"


def test_what_is_no_picture_is_said(open_page, shipped):
    page = open_page(shipped)
    page.set_input_files("#file", [{"name": "a.png", "mimeType": "image/png", "buffer": b"no picture"}])
    page.wait_for_selector("text=a.png is not a picture that can be read here. Choose a PNG or a JPEG.")
    blank = png(np.full((90, 90), 200, np.uint8))
    page.set_input_files("#file", [{"name": "b.png", "mimeType": "image/png", "buffer": blank}])
    page.wait_for_selector("text=b.png: the picture is blank: nothing on it stands out from its paper.")
    assert page.inner_text("#label") == "–"


def test_a_colour_model_takes_pictures_as_python_does(open_page, colour_run, tmp_path):
    export_run(colour_run, "html", tmp_path / "page.html")
    page, reader = open_page(tmp_path / "page.html"), inksight.Predictor.load(colour_run)
    shapes = ((16, 16, 3), (40, 90, 3), (123, 77, 3), (9, 12, 3), (50, 50), (16, 1, 3))
    pictures = [cv2.blur(RANDOM.integers(0, 256, shape, np.uint8), (3, 3)).reshape(shape) for shape in shapes]
    for picture, found in zip(pictures, predict_all(page, pictures), strict=True):
        assert np.abs(np.array(found["input"]).reshape(16, 16, 3) - reader.inputs(picture).astype(int)).max() <= 1
        assert found["label"] == reader.predict(picture).label


def test_a_colour_model_is_drawn_for_in_colour(open_page, colour_run, tmp_path):
    export_run(colour_run, "html", tmp_path / "page.html")
    page = open_page(tmp_path / "page.html")
    page.select_option("#paper", "#000000")
    page.locator("#width").evaluate("(slider) => { slider.value = 44; slider.dispatchEvent(new Event('input')); }")
    for name, colour in (("red", "#ff0000"), ("green", "#00ff00"), ("blue", "#0000ff")):
        page.fill("#colour", colour)
        draw(page, SCRIBBLE)
        assert page.inner_text("#label") == name
        page.click("#clear")
    assert page.is_hidden("text=as in MNIST")


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [320, 1100])
def test_it_fits_and_axe_finds_nothing(open_page, shipped, scheme, width):
    axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason=NO_AXE)
    page = open_page(shipped, viewport={"width": width, "height": 800}, color_scheme=scheme)
    for _ in range(2):
        assert page.evaluate("document.documentElement.scrollWidth") == width
        found = axe.Axe().run(page)
        assert [each["id"] for each in found.response["violations"]] == []
        draw(page, SEVEN)


def test_nothing_can_be_asked_of_the_network(browser, shipped):
    """The policy refuses even what a fault in the page might try."""
    page = browser.new_page()
    page.goto(shipped.as_uri())
    refused = "fetch('data:,x').then(() => 'came', () => 'refused')"
    assert page.evaluate(refused) == "refused"
    page.close()
