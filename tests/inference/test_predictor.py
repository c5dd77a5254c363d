"""Pictures, arrays and answers, on a small real model."""

import io
import json
import threading
from dataclasses import replace

import cv2
import numpy as np
import onnx
import pytest
from PIL import Image

from inksight.errors import PictureError, RunError, UsageError
from inksight.inference.predictor import MOST_AT_ONCE, Predictor
from inksight.metrics import with_temperature
from inksight.runs import load_model_card, write_model


@pytest.fixture(scope="module")
def predictor(digit_run):
    return Predictor.load(digit_run)


@pytest.fixture(scope="module")
def digits(mnist, predictor):
    """40 test digits that the model is sure of and right about."""
    images, labels = mnist.test.images[:400], mnist.test.labels[:400]
    rows = predictor.probabilities(images)
    sure = np.flatnonzero((rows.argmax(1) == labels) & (rows.max(1) > 0.9))[:40]
    return images[sure], labels[sure]


def test_it_is_a_real_classifier(predictor, mnist):
    assert (predictor.probabilities(mnist.test.images).argmax(1) == mnist.test.labels).mean() > 0.9


@pytest.mark.parametrize("count", [1, 2, 7, MOST_AT_ONCE, MOST_AT_ONCE + 1, 2 * MOST_AT_ONCE + 3])
def test_any_number_gives_the_same_as_one_by_one(predictor, mnist, count):
    images = mnist.test.images[:count]
    rows = predictor.probabilities(images)
    assert rows.shape == (count, 10) and rows.dtype == np.float32
    assert np.allclose(rows.sum(1), 1, atol=1e-5)
    places = sorted({0, count // 2, count - 1})
    single = np.concatenate([predictor.probabilities(images[place : place + 1]) for place in places])
    assert np.abs(rows[places] - single).max() <= 1e-6


def test_no_images_no_rows(predictor):
    assert predictor.probabilities(np.empty((0, 28, 28), np.uint8)).shape == (0, 10)
    assert predictor.predict_many([]) == []


def test_a_channel_axis_and_strides_change_nothing(predictor, mnist):
    images = mnist.test.images[:20]
    rows = predictor.probabilities(images)
    assert np.array_equal(predictor.probabilities(images[..., None]), rows)
    assert np.array_equal(predictor.probabilities(images.repeat(2, axis=0)[::2]), rows)
    assert np.array_equal(predictor.probabilities(images[::-1])[::-1], rows)


@pytest.mark.parametrize(
    ("images", "came"),
    [
        (np.zeros((2, 28, 28), np.float32), r"shape \(2, 28, 28\) and type float32"),
        (np.zeros((2, 32, 32), np.uint8), r"shape \(2, 32, 32\) and type uint8"),
        (np.zeros((28, 28), np.uint8), r"shape \(28, 28\) and type uint8"),
        (np.zeros((2, 28, 28, 3), np.uint8), r"shape \(2, 28, 28, 3\) and type uint8"),
        ([], r"shape \(0,\) and type float64"),
    ],
)
def test_arrays_of_another_kind_are_refused(predictor, images, came):
    with pytest.raises(UsageError, match=rf"images of {came} came; uint8 \(n, 28, 28\) was wanted"):
        predictor.probabilities(images)


def test_temperature_is_applied(digit_run, tmp_path, mnist):
    card = load_model_card(digit_run)
    write_model(tmp_path, (digit_run / "model.onnx").read_bytes(), replace(card, temperature=2.5))
    images = mnist.test.images[:50]
    plain, soft = Predictor.load(digit_run).probabilities(images), Predictor.load(tmp_path).probabilities(images)
    assert np.array_equal(soft, with_temperature(plain, 2.5))
    assert soft.max(1).mean() < plain.max(1).mean()


def test_many_threads_share_one(predictor, mnist):
    images = mnist.test.images[:600]
    expected, found = predictor.probabilities(images), {}

    def ask(number):
        found[number] = predictor.probabilities(images)

    threads = [threading.Thread(target=ask, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 6
    assert all(np.array_equal(rows, expected) for rows in found.values())


def encode(array, format="PNG", mode=None, **options):
    buffer = io.BytesIO()
    image = Image.fromarray(array)
    (image.convert(mode) if mode else image).save(buffer, format, **options)
    return buffer.getvalue()


def on_paper(image, side_px=200, margin=(30, 60, 90, 20), ground=235, ink=40):
    """The digit, enlarged, off-centre on a sheet: uint8."""
    cover = cv2.resize(image, (side_px, side_px), interpolation=cv2.INTER_CUBIC) / 255.0
    cover = np.pad(cover, ((margin[0], margin[1]), (margin[2], margin[3])))
    return np.rint(ground + (ink - ground) * cover).astype(np.uint8)


def transparent(image):
    """Black strokes that are only there where alpha is."""
    rgba = np.zeros((*on_paper(image).shape, 4), np.uint8)
    rgba[..., 3] = 255 - on_paper(image, ground=255, ink=0)
    return encode(rgba)


def turned(image):
    """Stored lying on its side; EXIF says how to turn it."""
    exif = Image.Exif()
    exif[0x0112] = 6
    return encode(np.rot90(on_paper(image)).copy(), "JPEG", exif=exif, quality=90)


def red_pen(image):
    cover = (255 - on_paper(image, ground=255, ink=0))[..., None] / 255
    return encode(np.rint(240 + (np.array([200, 30, 40]) - 240) * cover).astype(np.uint8))


def shadowed(image):
    sheet = on_paper(image).astype(float)
    rows, columns = np.indices(sheet.shape) / max(sheet.shape)
    return encode(np.rint(sheet * (0.5 + 0.5 * columns) * (1 - 0.3 * rows)).astype(np.uint8), "JPEG", quality=80)


VARIANTS = {
    "the digit itself": lambda image: encode(image),
    "the digit itself, dark on light": lambda image: encode(255 - image),
    "the digit itself, in colour": lambda image: encode(np.stack([255 - image, 255 - image // 2, 255 - image], -1)),
    "dark on light": lambda image: encode(on_paper(image)),
    "light on dark": lambda image: encode(255 - on_paper(image)),
    "off-centre": lambda image: encode(on_paper(image, 112, (5, 200, 300, 10))),
    "transparent": transparent,
    "turned by EXIF": turned,
    "16 bits": lambda image: encode(on_paper(image).astype(np.uint16) * 257),
    "palette": lambda image: encode(on_paper(image), mode="P"),
    "two colours": lambda image: encode(on_paper(image), mode="1"),
    "CMYK": lambda image: encode(on_paper(image), "JPEG", mode="CMYK", quality=90),
    "GIF": lambda image: encode(on_paper(image), "GIF"),
    "red pen": red_pen,
    "shadow": shadowed,
}


@pytest.mark.parametrize("name", VARIANTS)
def test_the_same_digit_in_any_picture_gets_the_same_answer(predictor, digits, name):
    images, labels = digits
    answers = predictor.predict_many([VARIANTS[name](image) for image in images])
    right = np.mean([answer.label == str(label) for answer, label in zip(answers, labels, strict=True)])
    assert right == 1 if name.startswith("the digit itself") else right >= 0.9


def test_a_picture_of_the_networks_size_passes_as_it_is(predictor, digits):
    images, _ = digits
    for image in images[:10]:
        assert np.array_equal(predictor.inputs(image), image)
        assert np.array_equal(predictor.predict(encode(image)).input, image)


def test_a_bright_border_makes_it_foreign(predictor, digits):
    for image in digits[0][:10]:
        assert np.abs(predictor.inputs(255 - image).astype(int) - image).mean() < 0.5


def test_an_answer(predictor, digits, tmp_path):
    path = tmp_path / "digit.png"
    path.write_bytes(encode(digits[0][0]))
    answer = predictor.predict(path)
    assert answer.source == str(path)
    assert (answer.verdict, answer.label) == ("class", str(digits[1][0]))
    assert answer.confidence == max(answer.probabilities.values()) == answer.probabilities[answer.label]
    assert list(answer.probabilities) == list("0123456789")
    assert answer.input.shape == (28, 28) and answer.input.dtype == np.uint8
    record = json.loads(json.dumps(answer.to_dict()))
    assert list(record) == ["source", "model", "verdict", "label", "confidence", "probabilities", "notes"]
    assert record["notes"] == [] and record["model"] == predictor.name
    assert record["confidence"] == pytest.approx(answer.confidence, abs=1e-6)
    assert predictor.predict(str(path)).probabilities == answer.probabilities


def test_many_are_answered_in_their_order(predictor, digits, tmp_path):
    images, labels = digits
    path = tmp_path / "digit.png"
    path.write_bytes(encode(images[2]))
    answers = predictor.predict_many(iter([images[0], encode(images[1]), path]), ["first", None, None])
    assert [answer.source for answer in answers] == ["first", "the picture", str(path)]
    assert [answer.label for answer in answers] == [str(label) for label in labels[:3]]
    assert predictor.predict(images[0], "mnist:0").source == "mnist:0"


def test_a_low_confidence_is_unsure(digit_run, tmp_path, digits):
    card = load_model_card(digit_run)
    write_model(tmp_path, (digit_run / "model.onnx").read_bytes(), replace(card, unsure_below=0.999999))
    answer = Predictor.load(tmp_path).predict(digits[0][0])
    assert answer.verdict == "unsure"
    assert answer.label == str(digits[1][0])


def test_too_little_evidence_is_rejected(digit_run, tmp_path, digits):
    card = load_model_card(digit_run)
    write_model(tmp_path, (digit_run / "model.onnx").read_bytes(), replace(card, rejected_below=1000.0))
    answer = Predictor.load(tmp_path).predict(digits[0][0])
    assert answer.verdict == "rejected"
    assert answer.label == str(digits[1][0]), "the likeliest class is told all the same"


@pytest.mark.parametrize("threshold", [-1.0, float("nan"), float("inf")])
def test_a_damaged_threshold_says_so(digit_run, tmp_path, threshold):
    card = load_model_card(digit_run)
    write_model(tmp_path, (digit_run / "model.onnx").read_bytes(), replace(card, rejected_below=threshold))
    with pytest.raises(RunError, match=r"model\.json is damaged \(rejected_below .*\)\. Copy the folder again\."):
        Predictor.load(tmp_path)


@pytest.mark.parametrize("size", [28, 60])
def test_a_blank_is_an_error_that_names_the_picture(predictor, tmp_path, size):
    path = tmp_path / "blank.png"
    path.write_bytes(encode(np.full((size, size), 250, np.uint8)))
    with pytest.raises(PictureError, match=r"blank\.png: the picture is blank: .* differ by 0 of 255"):
        predictor.predict(path)
    with pytest.raises(PictureError, match=r"^the picture is blank"):
        predictor.predict(path.read_bytes())


@pytest.mark.parametrize(
    "picture",
    [
        np.zeros((28, 28), np.float32),
        np.zeros((28, 28, 4), np.uint8),
        np.zeros((28,), np.uint8),
        np.zeros((0, 5), np.uint8),
    ],
)
def test_picture_arrays_of_another_kind_are_refused(predictor, picture):
    with pytest.raises(
        UsageError, match=r"a picture of shape .* came; uint8 \(height, width\) or \(height, width, 3\)"
    ):
        predictor.predict(picture)


def test_things_that_are_no_picture(predictor, tmp_path):
    with pytest.raises(UsageError, match="a NoneType came as a picture; a path, bytes or a uint8 array was wanted"):
        predictor.predict(None)
    with pytest.raises(PictureError, match=r"no picture .*gone\.png: there is no such file"):
        predictor.predict(tmp_path / "gone.png")
    with pytest.raises(PictureError, match="the picture is not a picture that can be read"):
        predictor.predict(b"hello")


@pytest.mark.parametrize("shape", [(16, 16, 3), (16, 16), (40, 25, 3), (3, 90)])
def test_a_colour_model_resizes(colour_run, shape):
    picture = np.full(shape, 40, np.uint8)
    if len(shape) == 3:
        picture[..., 2] = 220
    answer = Predictor.load(colour_run).predict(picture)
    assert answer.input.shape == (16, 16, 3)
    if len(shape) == 3:
        assert answer.label == "blue" and answer.confidence > 0.5


def test_a_grey_model_that_resizes_takes_colour(digit_run, tmp_path):
    card = load_model_card(digit_run)
    write_model(tmp_path, (digit_run / "model.onnx").read_bytes(), replace(card, preprocessing="resize"))
    resizing = Predictor.load(tmp_path)
    picture = np.full((28, 28, 3), (10, 200, 30), np.uint8)
    assert np.array_equal(resizing.inputs(picture), cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY))
    assert resizing.inputs(np.full((90, 50), 7, np.uint8)).shape == (28, 28)  # blank is no error here


def test_a_digit_model_in_colour_gets_three_equal_channels(digit_run, colour_run, tmp_path, digits):
    model = onnx.load(colour_run / "model.onnx")
    card = replace(load_model_card(colour_run), preprocessing="digits")
    write_model(tmp_path, model.SerializeToString(), card)
    seen = Predictor.load(tmp_path).inputs(on_paper(digits[0][0]))
    assert seen.shape == (16, 16, 3)
    assert np.array_equal(seen[..., 0], seen[..., 2])


def test_a_damaged_model(digit_run, tmp_path):
    card = load_model_card(digit_run)
    write_model(tmp_path, (digit_run / "model.onnx").read_bytes()[:5000], card)
    with pytest.raises(RunError, match=rf"{tmp_path}.*is damaged: no model that ONNX Runtime can open\. Copy"):
        Predictor.load(tmp_path)
    (tmp_path / "model.onnx").write_bytes(b"other")
    with pytest.raises(RunError, match=r"is not the model that model\.json describes"):
        Predictor.load(tmp_path)


def test_a_model_that_does_not_fit_its_card(digit_run, colour_run, tmp_path):
    write_model(tmp_path, (colour_run / "model.onnx").read_bytes(), load_model_card(digit_run))
    with pytest.raises(
        RunError, match=r"shape \[16, 16, 3\] and knows 3 classes, but its model\.json says \[28, 28, 1\] and 10"
    ):
        Predictor.load(tmp_path)
    model = onnx.load(digit_run / "model.onnx")
    model.graph.output[0].name = model.graph.node[-1].output[0] = "scores"
    write_model(tmp_path, model.SerializeToString(), load_model_card(digit_run))
    with pytest.raises(RunError, match=r"inputs and outputs \['images', 'scores'\]"):
        Predictor.load(tmp_path)


def test_no_such_run(tmp_path):
    with pytest.raises(RunError, match="nowhere"):
        Predictor.load(tmp_path / "nowhere")
