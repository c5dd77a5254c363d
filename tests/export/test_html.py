"""The page as a file; tests/browser has it opened."""

import base64
import hashlib
import json
import re

import pytest

import inksight
from inksight.errors import EngineError, UsageError
from inksight.export import html, proof
from inksight.export.formats import export


@pytest.fixture(scope="module")
def text(tmp_path_factory) -> str:
    path, _ = export("shipped", "html", tmp_path_factory.mktemp("page") / "page.html")
    return path.read_text(encoding="utf-8")


def test_the_command_writes_a_small_proved_page(command, tmp_path):
    done = command(tmp_path, "export", "shipped", "--format", "html", "--json")
    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout)
    written = tmp_path / "inksight.html"
    assert (said["out"], said["bytes"]) == ("inksight.html", written.stat().st_size)
    assert said["bytes"] < 3_000_000
    assert said["equal"]["pictures"] == 100 and said["equal"]["largest_difference"] <= 1e-5
    plain = command(tmp_path, "export", "shipped", "--format", "html", "--out", "seven.html")
    assert plain.stdout.startswith("seven.html: 1.5")
    assert "MB, equal to ONNX Runtime on 100 pictures (largest difference " in plain.stdout


def test_the_page_asks_nobody_and_runs_only_what_is_in_it(text):
    (policy,) = re.findall(r'Content-Security-Policy" content="([^"]+)"', text)
    assert "default-src 'none'" in policy and "unsafe" not in policy
    (style,), (script,) = (
        re.findall(pattern, text, re.DOTALL)
        for pattern in ("<style>(.*?)</style>", '<script type="module">(.*?)</script>')
    )
    for inline in (style, script):
        assert base64.b64encode(hashlib.sha256(inline.encode()).digest()).decode() in policy
    outside = re.sub(r"http://www\.w3\.org/2000/svg", "", text)
    assert not re.search(r"https?:|<link rel=\"stylesheet|\bsrc=|^import |^export ", outside, re.MULTILINE)


def test_it_says_how_good_the_model_is_but_not_where_it_was_made(text):
    reader = inksight.Predictor.shipped()
    model = json.loads(html.MODEL_BLOCK.search(text)[1])
    assert model["about"] == {"data": "mnist", "preset": "robust", "test": reader.card.provenance["test"]}
    assert model["temperature"] == reader.card.temperature
    assert reader.card.provenance["command"] not in text


def test_class_names_cannot_leave_their_place(digit_run, tmp_path):
    card = html.load_model_card(digit_run)
    names = ("</script><script>alert(1)</script>", *card.classes[1:])
    page = html.page(
        html.ModelCard(**{**vars(card), "classes": names}), html.plan_of((digit_run / "model.onnx").read_bytes())
    )
    assert "<script>alert" not in page
    assert json.loads(html.MODEL_BLOCK.search(page)[1])["classes"][0] == names[0]


@pytest.mark.parametrize("run", ["digit_run", "colour_run"])
def test_any_model_has_a_page(request, run, tmp_path):
    folder = request.getfixturevalue(run)
    path, found = export(folder, "html", tmp_path / "own.html")
    assert path.is_file() and found.largest_difference <= 1e-5


def test_an_unequal_page_is_not_left_behind(monkeypatch, tmp_path):
    monkeypatch.setattr(html, "replay", lambda plan, images: 1 - html_probabilities(images))
    with pytest.raises(EngineError, match="the page differs from ONNX Runtime by 1 on 100 pictures and answers 100 of"):
        export("shipped", "html", tmp_path / "page.html")
    assert list(tmp_path.iterdir()) == []


def html_probabilities(images):
    return inksight.Predictor.shipped().probabilities(images)


def test_golden_pictures_are_mnist_in_the_networks_own_shape(mnist):
    assert (proof.golden_pictures()[..., 0] == mnist.test.images[:100]).all()
    colour = proof.golden_pictures(40, 3)
    assert colour.shape == (100, 40, 40, 3) and (colour[1:, ..., 1] == colour[:-1, ..., 0]).all()


def test_an_unknown_format_is_named(command, tmp_path):
    with pytest.raises(UsageError, match='no export format "htlm". Did you mean html'):
        export("shipped", "htlm")
    done = command(tmp_path, "export", "nowhere", "--format", "html")
    assert done.returncode == 1 and 'no run "nowhere"' in done.stderr
    assert list(tmp_path.iterdir()) == []
