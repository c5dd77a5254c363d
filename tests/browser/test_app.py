"""`inksight app` in a real browser: draw, what it sees, photo, look inside."""

import csv
import io

import cv2
import numpy as np
import pytest

import inksight

pytestmark = pytest.mark.browser

PHONE = {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True, "device_scale_factor": 2}
TABS = ("draw", "sees", "photo", "inside")
DIGITS = {
    "7": [[(0.2, 0.15), (0.5, 0.12), (0.8, 0.15), (0.65, 0.4), (0.5, 0.65), (0.45, 0.9)]],
    "2": [[(0.2, 0.3), (0.35, 0.12), (0.6, 0.1), (0.78, 0.25), (0.7, 0.45), (0.45, 0.65), (0.2, 0.88), (0.85, 0.87)]],
    "0": [[(0.5, 0.1), (0.25, 0.25), (0.18, 0.5), (0.28, 0.78), (0.5, 0.9), (0.74, 0.76), (0.82, 0.5), (0.5, 0.1)]],
    "4": [[(0.3, 0.1), (0.22, 0.35), (0.2, 0.55), (0.8, 0.52)], [(0.66, 0.15), (0.62, 0.92)]],
    "8": [[(0.62, 0.14), (0.35, 0.14), (0.3, 0.3), (0.7, 0.62), (0.66, 0.85), (0.4, 0.88), (0.28, 0.7), (0.68, 0.3)]],
}
SCRIBBLE = [[(0.1, 0.1), (0.9, 0.2), (0.1, 0.3), (0.9, 0.5), (0.2, 0.9), (0.9, 0.9), (0.1, 0.5), (0.8, 0.1)]]


def draw(page, strokes, middle=0.5, height=1.0):
    """Drags the mouse along strokes, in an upright part of the pad: where its middle is, and which share it takes."""
    box = page.locator("[data-part=pad]").bounding_box()
    tall = height * box["height"]
    left, top = box["x"] + middle * box["width"] - 0.36 * tall, box["y"] + (box["height"] - tall) / 2
    for points in strokes:
        places = [(left + 0.72 * x * tall, top + y * tall) for x, y in points]
        page.mouse.move(*places[0])
        page.mouse.down()
        for place in places[1:]:
            page.mouse.move(*place, steps=3)
        page.mouse.up()


def middle_of(page, right=0):
    """A point of the pad in pixels of the page, as far right of its middle as asked."""
    box = page.locator("[data-part=pad]").bounding_box()
    return box["x"] + box["width"] / 2 + right, box["y"] + box["height"] / 2


def two_frames(page) -> None:
    """Waits until the page has done what was due at the next frame."""
    page.evaluate("new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")


def says(page, text: str) -> None:
    """Waits until the answer is this."""
    page.wait_for_function("(text) => document.querySelector('#draw .label').textContent === text", arg=text)


def tells(page, text: str) -> None:
    """Waits until the finished drawing has this answer: other tabs may look at it now."""
    page.wait_for_function("(text) => document.getElementById('spoken').textContent.startsWith(text + ',')", arg=text)


WATCH_LABEL = """() => {
  const label = document.querySelector("#draw .label");
  window.labels = [];
  new MutationObserver(() => window.labels.push(label.textContent)).observe(label, { childList: true });
}"""


def picture(digits: np.ndarray, light: int = 235, ink: int = 30) -> bytes:
    """Digits in a row on paper, as a PNG."""
    row = np.concatenate([np.pad(cv2.resize(each, (84, 84)), ((40, 60), (12, 12))) for each in digits], axis=1) / 255
    return cv2.imencode(".png", (light + (ink - light) * row).astype(np.uint8))[1].tobytes()


def file(content: bytes, name: str = "a.png") -> dict:
    return {"name": name, "mimeType": "image/png", "buffer": content}


def test_a_seven_drawn_with_the_mouse_is_read(visit, app):
    page = visit(app)
    assert page.inner_text("[data-part=words]") == "Draw, and the answer comes as you go."
    draw(page, DIGITS["7"])
    page.wait_for_function("() => document.getElementById('spoken').textContent.startsWith('7, ')")
    says(page, "7")
    assert page.get_attribute("[data-part=answer]", "data-verdict") == "class"
    assert page.locator("#draw .bars li").count() == 10
    assert page.locator("#draw .bars .best .name").inner_text() == "7"


def test_a_number_drawn_with_the_mouse_is_read(visit, app):
    page = visit(app)
    for index, digit in enumerate("2048"):
        draw(page, DIGITS[digit], 0.14 + 0.24 * index, 0.5)
    tells(page, "2048")
    assert page.inner_text("[data-part=words]") == "4 digits, read from left to right"
    page.click("[data-open=sees]")
    page.wait_for_selector("text=the 2 in your drawing")
    page.click(".digits >> text=4")
    page.wait_for_selector("#sees figcaption >> text=/28 × 28 pixels: 4/")


def test_one_digit_of_a_number_is_taught(visit, run_app, tmp_path):
    with run_app(folder=tmp_path) as address:
        page = visit(address)
        for index, digit in enumerate("2048"):
            draw(page, DIGITS[digit], 0.14 + 0.24 * index, 0.5)
        tells(page, "2048")
        page.click("[data-open=teach]")
        page.wait_for_selector("#teach >> text=the 2 in your drawing")
        page.click("#teach .digits >> text=4")
        page.wait_for_selector("#teach .label >> text=4")
        page.get_by_role("group", name="No, it is").get_by_role("button", name="9").click()
        page.wait_for_selector("#teach [data-part=kept] >> text=Kept as 9.")
        (kept,) = (tmp_path / "corrections" / "9").glob("*.png")
        assert inksight.Predictor.shipped().predict(kept).label == "4"


def test_a_scribble_is_no_digit(visit, app):
    page = visit(app)
    draw(page, SCRIBBLE)
    page.wait_for_function("() => document.getElementById('spoken').textContent.includes('Not a digit, it seems.')")
    assert page.get_attribute("[data-part=answer]", "data-verdict") == "rejected"


def test_strokes_are_undone_and_cleared(visit, app):
    page = visit(app)
    assert page.is_disabled("[data-part=undo]") and page.is_disabled("#draw [data-part=clear]")
    draw(page, DIGITS["7"])
    draw(page, SCRIBBLE)
    page.keyboard.press("Control+z")
    says(page, "7")
    page.click("#draw [data-part=clear]")
    says(page, "–")
    page.click("[data-part=undo]")
    says(page, "7")
    page.keyboard.press("Escape")
    says(page, "–")


def test_a_tap_leaves_a_round_dot_as_wide_as_the_pen(visit, app, ink_on):
    """While the pen is down as well as after it."""
    page = visit(app)
    screen_px = page.locator("[data-part=pad]").bounding_box()["width"]
    page.click("[data-part=pad]", position={"x": screen_px / 4, "y": screen_px / 3})
    page.wait_for_function("() => document.getElementById('spoken').textContent.includes('Not a digit, it seems.')")
    dot = ink_on(page, "[data-part=pad]")
    width_px = 13 * 1200 / 320
    assert abs(dot["width"] - width_px) <= 2 and abs(dot["height"] - width_px) <= 2
    assert abs(dot["area"] - np.pi * width_px**2 / 4) <= 0.02 * dot["area"]
    assert abs(dot["left"] + dot["width"] / 2 - 1200 / 4) <= 2 and abs(dot["top"] + dot["height"] / 2 - 1200 / 3) <= 2
    page.click("#draw [data-part=clear]")
    page.mouse.move(*middle_of(page))
    page.mouse.down()
    page.wait_for_selector("#draw .best")
    assert ink_on(page, "[data-part=pad]")["area"] == pytest.approx(dot["area"], rel=0.02)
    page.mouse.up()


def test_an_empty_pad_asks_nothing(visit, app):
    page = visit(app)
    asked = []
    page.on("request", lambda request: "/static/" in request.url or asked.append(request.url))
    page.focus("[data-part=pad]")
    for key in ("ArrowUp", "ArrowLeft", "Escape", "Control+z"):
        page.keyboard.press(key)
    page.emulate_media(color_scheme="dark")
    page.mouse.move(*middle_of(page))
    page.mouse.move(0, 0)
    page.click("#tab-photo")
    page.click("#tab-draw")
    two_frames(page)
    assert asked == [] and page.is_hidden("#problem")
    assert page.inner_text("[data-part=words]") == "Draw, and the answer comes as you go."


def test_an_error_is_shown_only_when_the_pen_is_lifted(visit, app):
    page = visit(app)
    page.route("**/predict", lambda route: route.fulfill(status=422, json={"error": "the picture is blank"}))
    page.route("**/read", lambda route: route.fulfill(json={"text": "", "digits": [], "signs": []}))
    page.mouse.move(*middle_of(page))
    for moves in range(2):
        with page.expect_response("**/predict") as refused:
            page.mouse.down() if moves == 0 else page.mouse.move(*middle_of(page, 30))
        refused.value.finished()
        two_frames(page)
        assert page.is_hidden("#problem")
    page.mouse.up()
    page.wait_for_selector("#problem >> text=the picture is blank")
    assert [text for text in visit.faults if "422" not in text] == []
    visit.faults.clear()


def test_an_answer_for_a_cleared_drawing_is_dropped(visit, app):
    page = visit(app)
    draw(page, DIGITS["7"])
    tells(page, "7")  # its last answer: none is on its way any more
    page.keyboard.press("Escape")
    says(page, "–")
    held = []
    page.route("**/predict", lambda route: held.append(route), times=1)
    page.evaluate(WATCH_LABEL)
    page.click("[data-part=undo]")
    while not held:
        two_frames(page)
    page.keyboard.press("Escape")
    two_frames(page)
    assert page.inner_text("#draw .label") == "–" and page.is_hidden("[data-part=more]")
    draw(page, DIGITS["0"])
    held[0].continue_()
    says(page, "0")
    assert "7" not in page.evaluate("window.labels")


def test_a_stroke_ends_when_another_tab_is_shown(visit, app, ink_on):
    page = visit(app)
    page.mouse.move(*middle_of(page))
    page.mouse.down()
    page.mouse.move(*middle_of(page, 40), steps=4)
    two_frames(page)
    drawn = ink_on(page, "[data-part=pad]")
    page.evaluate("location.hash = 'photo'")
    page.wait_for_selector("#photo:visible")
    page.mouse.move(30, 30, steps=4)
    page.evaluate("location.hash = 'draw'")
    page.wait_for_selector("#draw .best")
    page.mouse.move(*middle_of(page, 90), steps=4)
    page.mouse.up()
    two_frames(page)
    assert ink_on(page, "[data-part=pad]") == drawn
    page.keyboard.press("Escape")
    draw(page, DIGITS["7"])
    says(page, "7")


def test_a_finished_drawing_is_announced_when_the_cursor_moves_on(visit, app):
    page = visit(app)
    page.focus("[data-part=pad]")
    for key in ("ArrowUp",) * 6 + (" ",) + ("ArrowDown",) * 13:
        page.keyboard.press(key)
    says(page, "1")
    assert page.inner_text("#spoken") == ""
    page.evaluate(
        "() => [' ', 'ArrowUp'].forEach((key) =>"
        " document.activeElement.dispatchEvent(new KeyboardEvent('keydown', { key, bubbles: true })))"
    )
    page.wait_for_function("() => document.getElementById('spoken').textContent.startsWith('1, ')")


def test_a_stroke_is_undone_while_it_is_drawn(visit, app):
    page = visit(app)
    page.focus("[data-part=pad]")
    for key in (" ", "ArrowDown", "Control+z", "ArrowDown"):
        page.keyboard.press(key)
    says(page, "–")
    draw(page, DIGITS["7"])
    page.mouse.down()
    page.keyboard.press("Control+z")
    page.mouse.move(0, 0, steps=5)
    page.mouse.up()
    says(page, "7")


def test_a_one_drawn_with_keys_is_read(visit, app):
    page = visit(app)
    page.focus("[data-part=pad]")
    for key in ("ArrowUp",) * 6 + (" ",) + ("ArrowDown",) * 13 + (" ",):
        page.keyboard.press(key)
    says(page, "1")


def test_tabs_are_walked_with_keys(visit, app):
    page = visit(app)
    page.focus("#tab-draw")
    page.keyboard.press("ArrowRight")
    assert page.evaluate("document.activeElement.id") == "tab-sees"
    assert page.is_visible("#sees") and page.is_hidden("#draw")
    page.keyboard.press("Home")
    assert page.get_attribute("#tab-draw", "aria-selected") == "true"
    page.keyboard.press("ArrowLeft")
    assert page.evaluate("document.activeElement.id") == page.locator("[role=tab]").last.get_attribute("id")


def test_what_it_sees_says_what_was_corrected(visit, app, mnist):
    page = visit(app, "sees")
    page.wait_for_selector("text=This is about an example.")
    page.wait_for_selector("#sees figcaption >> text=/28 × 28 pixels: 7/")
    assert page.locator(".stages img").count() == 4
    content = picture(mnist.test.images[:1], 20, 240)
    page.set_input_files("#sees input[type=file]", file(content))
    page.wait_for_selector(".corrections >> text=inverted: the ink was lighter than its ground")
    story = inksight.Predictor.shipped().story_of(content)
    assert page.locator(".corrections li").all_inner_texts() == list(story.corrections)
    assert page.evaluate("document.querySelector('.stages .pixels').naturalWidth") == 28


def test_a_photo_is_read_and_its_readings_are_kept(visit, app, mnist):
    page = visit(app, "photo")
    page.set_input_files(
        "[data-part=files]",
        [file(picture(mnist.test.images[:3])), file(picture(mnist.test.images[3:5]), '=" x".png')],
    )
    page.wait_for_selector("text=It says 04.")
    rows = [row.split("\t")[:3] for row in page.locator("[data-part=rows] tr").all_inner_texts()]
    assert rows == [["a.png", "1", "721"], ['=" x".png', "1", "04"]]
    with page.expect_download() as download:
        page.click("[data-part=csv]")
    saved = list(csv.reader(io.StringIO(download.value.path().read_text())))
    assert saved[0] == ["picture", "line", "number", "least sure"]
    assert [row[:3] for row in saved[1:]] == [["a.png", "1", "721"], ['\'=" x".png', "1", "04"]]


def test_an_unsure_digit_of_a_photo_is_marked(visit, app, mnist):
    content = picture(mnist.test.images[[0, 1226, 2]])  # the middle one is a 7 to some and a 2 to others
    reading = inksight.Predictor.shipped().read(content)
    assert [digit.unsure for digit in reading.digits] == [False, True, False]
    page = visit(app, "photo")
    page.set_input_files("[data-part=files]", [file(content)])
    page.wait_for_selector("text=/Not sure of 1 of 3 digits, marked with “.”/")


BRINGING = """([kind, bytes]) => {
  const dataTransfer = new DataTransfer();
  dataTransfer.items.add(new File([Uint8Array.from(bytes)], `${kind}.png`, { type: "image/png" }));
  const event = kind === "paste" ? new ClipboardEvent("paste", { clipboardData: dataTransfer })
    : new DragEvent("drop", { dataTransfer, cancelable: true });
  dispatchEvent(event);
}"""


def test_photos_are_dropped_and_pasted(visit, app, mnist):
    page = visit(app, "photo")
    for kind, first in (("drop", 0), ("paste", 3)):
        page.evaluate(BRINGING, [kind, list(picture(mnist.test.images[first : first + 3]))])
        page.wait_for_selector(f"[data-part=rows] >> text={kind}.png")
    assert page.locator("[data-part=rows] td:nth-child(3)").all_inner_texts() == ["721", "041"]


def test_without_a_camera_that_is_said(visit, app):
    page = visit(app, "photo")
    page.click("[data-part=camera]")
    page.wait_for_selector("text=/The camera cannot be used .* Choose a photo instead/")


def test_look_inside_shows_every_map(visit, app, mnist):
    from inksight.explanation.flow import flow
    from inksight.export.lowering import plan_of

    reader = inksight.Predictor.shipped()
    image = reader.inputs(cv2.imdecode(np.frombuffer(picture(mnist.test.images[:1]), np.uint8), 0))
    layers = flow(plan_of(reader.content), image[..., None])
    page = visit(app, "inside")
    page.set_input_files("#inside input[type=file]", file(picture(mnist.test.images[:1])))
    page.wait_for_selector("text=This is about a.png")
    page.wait_for_selector("text=What mattered for “7”")
    cards = page.locator(".layer:not([data-operator=occlusion])")
    assert cards.count() == len(layers)
    shown = cards.evaluate_all("(all) => all.map((card) => card.querySelectorAll('canvas.map').length)")
    expected = [each.values.shape[2] if each.values.ndim == 3 and each.values.shape[0] > 1 else 0 for each in layers]
    assert shown == expected and sum(expected) > 100
    (answer,) = reader.predict_many([image])
    shares = [f"{100 * share:.1f} %" for share in answer.probabilities.values()]
    assert page.locator("#inside .bars .share").all_inner_texts() == shares


def test_a_value_is_traced_back_to_its_pixels(visit, app):
    page = visit(app, "inside")
    first = page.locator(".layer[data-operator=convolve]").first.locator("canvas.map").first
    box = first.bounding_box()
    first.hover(position={"x": box["width"] * 0.04, "y": box["height"] * 0.96}, force=True)
    value = page.locator("#inside [data-part=value]")
    assert "map 1 of 32, row 12, column 1:" in value.inner_text()
    assert value.inner_text().endswith("It comes from 5 × 5 pixels: columns 1 to 5, rows 23 to 27.")
    page.locator(".maps").nth(1).focus()
    page.keyboard.press("ArrowRight")
    assert "map 1 of 32, row 12, column 2:" in value.inner_text()
    page.keyboard.press("Shift+ArrowRight")
    assert "map 2 of 32, row 12, column 2:" in value.inner_text()


def test_a_picture_that_cannot_be_read_is_an_error_in_words(visit, app):
    page = visit(app, "sees")
    page.wait_for_selector(".stages img")
    blank = cv2.imencode(".png", np.full((90, 90), 200, np.uint8))[1].tobytes()
    page.set_input_files("#sees input[type=file]", file(blank))
    page.wait_for_selector("#problem >> text=/the picture is blank/")
    assert [text for text in visit.faults if "422" not in text] == []
    visit.faults.clear()


@pytest.mark.parametrize("options", [PHONE, {"color_scheme": "dark"}], ids=["phone", "dark"])
def test_every_tab_fits(visit, app, wait_for_tab, options):
    """Without horizontal scroll."""
    page = visit(app, **options)
    draw(page, DIGITS["7"])
    says(page, "7")
    for tab in TABS:
        page.click(f"#tab-{tab}")
        wait_for_tab(page, tab)
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), tab


def test_a_colour_model_is_drawn_for_too(visit, run_app, colour_run, tmp_path):
    """It reads no numbers, and its network has no maps."""
    with run_app("--model", str(colour_run), folder=tmp_path) as address:
        page = visit(address)
        draw(page, DIGITS["7"])
        page.wait_for_selector("#draw .best")
        assert page.locator("#draw .bars .name").all_inner_texts() == ["red", "green", "blue"]
        page.click("[data-open=inside]")
        page.wait_for_selector("#inside .bars .best")
        assert page.locator("#inside .layer").count() == 5


def test_of_many_classes_the_likeliest_are_shown(visit, run_app, many_run, tmp_path):
    with run_app("--model", str(many_run), folder=tmp_path) as address:
        page = visit(address)
        assert page.inner_text("[data-part=hint]") == "Draw here"
        assert page.locator("#draw .bars li").count() == 0
        draw(page, DIGITS["7"])
        page.wait_for_selector("#draw .best")
        shares = [float(share.rstrip(" %")) for share in page.locator("#draw .bars .share").all_inner_texts()]
        assert len(shares) == 10 and shares == sorted(shares, reverse=True)
        assert page.locator("#draw .bars .best .name").inner_text() == page.inner_text("#draw .label")


def test_a_token_comes_with_the_address(browser, run_app, tmp_path):
    with run_app("--token", "an open sesame", folder=tmp_path) as address:
        assert address.endswith("/#token=an%20open%20sesame")
        page = browser.new_page()
        page.goto(address)
        page.wait_for_selector("text=/shipped ·/")
        draw(page, DIGITS["7"])
        says(page, "7")
        assert "token" not in page.url
        stranger = browser.new_page()
        stranger.goto(address.partition("#")[0])
        stranger.wait_for_selector("#problem >> text=/this service wants a token/")
        page.close()
        stranger.close()
