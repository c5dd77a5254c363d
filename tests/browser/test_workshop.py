"""Train, Runs and Teach in a real browser, with real trainings behind them."""

import re
import zipfile

import cv2
import pytest

pytestmark = pytest.mark.browser

PHONE = {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True, "device_scale_factor": 2}
SEVEN = [(0.3, 0.2), (0.55, 0.2), (0.45, 0.5), (0.4, 0.85)]
WAIT_MS = 120_000


@pytest.fixture(scope="module")
def place(tmp_path_factory, small_mnist):
    """A folder with 300 digits, and 30 of them in a zip."""
    folder = tmp_path_factory.mktemp("workshop")
    with zipfile.ZipFile(folder / "few.zip", "w") as archive:
        for index in range(300):
            path = folder / "digits" / str(small_mnist.train.labels[index]) / f"{index}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            cv2.imwrite(str(path), small_mnist.train.images[index])
            if path.parent.name in "012" and index < 100:
                archive.write(path, path.relative_to(folder / "digits"))
    return folder


@pytest.fixture(scope="module")
def address(run_app, browser, place):
    with run_app("--data", "digits", folder=place) as address:
        yield address


@pytest.fixture(scope="module")
def trained(address, browser) -> str:
    """The name of a run that was trained by the page on MNIST, quick, and answers now."""
    page = browser.new_page()
    page.set_default_timeout(WAIT_MS)
    page.goto(f"{address}#train")
    page.get_by_role("button", name="Train", exact=True).click()
    page.wait_for_selector("#train .curve")
    page.get_by_role("button", name="Use it now").click()
    page.get_by_role("button", name="It answers now").wait_for()
    name = page.inner_text("#train [data-part=title]").removesuffix(" is ready")
    page.close()
    return name


def draw(page, points):
    box = page.locator("#draw [data-part=pad]").bounding_box()
    places = [(box["x"] + x * box["width"], box["y"] + y * box["height"]) for x, y in points]
    page.mouse.move(*places[0])
    page.mouse.down()
    for where in places[1:]:
        page.mouse.move(*where, steps=4)
    page.mouse.up()
    page.wait_for_function("() => document.querySelector('#draw .label').textContent === '7'")


def test_quick_is_trained_from_the_page_and_used(visit, address, trained):
    assert re.fullmatch(r"mnist-quick-\d+", trained)
    page = visit(address, "train")
    page.wait_for_selector(f"#model:has-text('{trained}')")
    assert re.search(r"9\d\.\d\d % right on 10,000 test pictures", page.inner_text("#train [data-part=outcome]"))
    assert page.locator("#train .curves svg").count() == 2
    assert "training: 9" in page.locator("#train .curves svg").first.get_attribute("aria-label")
    page.goto(f"{address}#draw")
    draw(page, SEVEN)


def test_a_long_training_survives_a_reload_and_is_stopped(visit, address, trained):
    page = visit(address, "train")
    page.set_default_timeout(WAIT_MS)
    page.get_by_label("Pictures").select_option("digits")
    page.get_by_text("Turn the knobs").click()
    page.get_by_label("Epochs").fill("90000")
    assert page.inner_text("#train [data-part=turned]") == "(epochs)"
    page.get_by_role("button", name="Train", exact=True).click()
    page.wait_for_selector("#train .curve")
    page.reload()
    page.get_by_role("button", name="Stop").wait_for()
    page.wait_for_selector("#train .curve")
    assert page.inner_text("#train [data-part=what]") == "digits, quick · epochs 90000"
    page.wait_for_function("() => document.querySelector('#train [data-part=words]').textContent.includes('left')")
    page.get_by_role("button", name="Stop").click()
    page.get_by_role("button", name="Use it now").wait_for()
    assert "ended early: interrupted" in page.inner_text("#train [data-part=words]")


def test_a_knob_out_of_its_range_is_refused_in_words(visit, address, trained):
    page = visit(address, "train")
    page.get_by_text("Turn the knobs").click()
    page.get_by_label("Dropout").fill("2")
    page.get_by_role("button", name="Train", exact=True).click()
    assert page.evaluate("document.querySelector('#train form').checkValidity()") is False
    page.get_by_role("button", name="As the recipe has them").click()
    assert page.evaluate("document.querySelector('#train form').checkValidity()") is True


def test_a_zip_is_uploaded(visit, address, wait_for_tab, place):
    page = visit(address, "train")
    wait_for_tab(page, "train")
    page.set_input_files("#train input[type=file]", place / "few.zip")
    page.wait_for_function(
        "() => document.querySelector('#train [data-part=uploaded]').textContent.includes('3 classes')"
    )
    assert page.input_value("#train [data-part=data]").startswith("few-")


def test_runs_are_compared_sorted_and_looked_into(visit, address, trained):
    page = visit(address, "runs")
    rows = page.locator("#runs tbody tr")
    page.wait_for_selector("#runs tbody tr.chosen")
    assert trained in rows.filter(has_text="answers").inner_text()
    page.get_by_role("button", name="Right").click()
    assert page.locator("#runs th[aria-sort=descending]").inner_text().startswith("Right")
    assert rows.first.inner_text().split()[0] == "shipped", "the best first"
    page.locator("#runs [data-part=measure]").select_option("loss")
    page.wait_for_selector("#runs .curve")
    page.get_by_role("button", name=trained, exact=True).click()
    page.wait_for_selector("#runs .matrix", timeout=WAIT_MS)
    assert page.locator("#runs .matrix tbody tr").count() == 10
    first = page.locator("#runs .gallery li").first
    assert re.search(r"\d → \d", first.inner_text())
    assert first.locator("img").evaluate("(image) => image.decode().then(() => image.naturalWidth)") == 28
    page.get_by_role("button", name="Use shipped").click()
    page.wait_for_selector("#model:has-text('shipped')")


def test_an_answer_is_corrected_learned_and_taken_back(visit, address, trained, place):
    page = visit(address)
    page.set_default_timeout(WAIT_MS)
    draw(page, SEVEN)
    page.get_by_role("button", name="Teach it").click()
    page.get_by_role("group", name="No, it is").get_by_role("button", name="1").click()
    page.wait_for_function(
        "() => document.querySelector('#teach [data-part=kept]').textContent.startsWith('Kept as 1.')"
    )
    assert len(list((place / "corrections" / "1").glob("*.png"))) == 1
    page.get_by_label("Start from").select_option(trained)
    page.get_by_role("button", name="Learn the corrections").click()
    page.locator("#teach .compared").wait_for()
    table = page.locator("#teach .compared").inner_text().split("\n")
    assert re.fullmatch(r"The old test pictures\s+9\d\.\d\d %\s+9\d\.\d\d %", table[1])
    assert re.fullmatch(r"The corrections it learned\s+0 of 1\s+[01] of 1", table[2])
    page.get_by_role("button", name="Undo 1").click()
    page.wait_for_function("() => !document.querySelector('#teach .gallery li')")
    assert list((place / "corrections").glob("*/*.png")) == []


@pytest.mark.parametrize("tab", ["train", "runs", "teach"])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_they_fit_a_phone(visit, address, trained, wait_for_tab, tab, scheme):
    page = visit(address, tab, color_scheme=scheme, **PHONE)
    wait_for_tab(page, tab)
    assert page.evaluate("[document.documentElement.scrollWidth, innerWidth]") == [390, 390]
    for control in page.locator(f"#{tab} :is(button, select, input:not([type=checkbox])):visible").all():
        box = control.bounding_box()
        assert box["x"] + box["width"] <= 390 or control.evaluate("(each) => Boolean(each.closest('.wide'))")


def test_nothing_can_be_started_before_the_recipes_are_there(visit, address):
    page = visit(address, "draw")
    held = []
    page.route("**/app/training/options", lambda route: held.append(route))
    page.click("#tab-train")
    page.get_by_role("button", name="Train", exact=True).click(force=True)
    page.focus("#train [data-part=start]")
    page.keyboard.press("Enter")
    while not held:
        page.wait_for_timeout(10)
    held[0].continue_()
    page.wait_for_selector("#train [data-part=form]:not([inert])")
    assert page.locator("#train [data-part=preset] option").count() > 3
