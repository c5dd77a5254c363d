"""The page as a file; tests/browser has it opened."""

import base64
import hashlib
import json
import re
from dataclasses import replace

import pytest

import inksight
from inksight.export.formats import html
from inksight.export.job import export_run
from inksight.export.lowering import plan_of
from inksight.runs import MODEL, SHIPPED, load_model_card


@pytest.fixture(scope="module")
def text(tmp_path_factory) -> str:
    path = export_run("shipped", "html", tmp_path_factory.mktemp("page") / "page.html").path
    return path.read_text(encoding="utf-8")


def test_the_command_writes_a_small_proved_page(command, tmp_path):
    done = command(tmp_path, "export", "shipped", "--format", "html", "--json")
    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout)
    written = tmp_path / "inksight.html"
    assert (said["out"], said["bytes"]) == ("inksight.html", written.stat().st_size)
    assert said["bytes"] < 1.4 * (SHIPPED / MODEL).stat().st_size  # the weights as text take four thirds
    assert said["proof"]["pictures"] == 1000 and said["proof"]["largest_difference"] <= 1e-5


def test_the_page_asks_nobody_and_runs_only_what_is_in_it(text):
    (policy,) = re.findall(r'Content-Security-Policy" content="([^"]+)"', text)
    assert "default-src 'none'" in policy and "unsafe" not in policy
    (style,) = re.findall("<style>(.*?)</style>", text, re.DOTALL)
    (script,) = re.findall('<script type="module">(.*?)</script>', text, re.DOTALL)
    for inline in (style, script):
        assert base64.b64encode(hashlib.sha256(inline.encode()).digest()).decode() in policy
    outside = re.sub(r"http://www\.w3\.org/2000/svg", "", text)
    assert not re.search(r"https?:|<link rel=\"stylesheet|\bsrc=|^import |^export ", outside, re.MULTILINE)


def test_it_says_how_good_the_model_is_but_not_where_it_was_made(text):
    reader = inksight.Predictor.shipped()
    model = html.model_in(text)
    assert model["about"] == {"data": "hands", "preset": "robust", "test": reader.card.provenance["test"]}
    assert model["temperature"] == reader.card.temperature
    assert reader.card.provenance["command"] not in text


def test_class_names_cannot_leave_their_place(digit_run, tmp_path):
    card, content = load_model_card(digit_run), (digit_run / "model.onnx").read_bytes()
    names = ("</script><script>alert(1)</script>", *card.classes[1:])
    page = html.page(replace(card, classes=names), plan_of(content))
    assert "<script>alert" not in page
    assert html.model_in(page)["classes"][0] == names[0]
