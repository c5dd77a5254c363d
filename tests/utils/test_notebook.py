"""What a notebook shows: cards that are sound HTML with nothing unescaped, and a bar in a real kernel."""

from __future__ import annotations

import base64
import io
import re
import subprocess
import sys
from dataclasses import replace
from html.parser import HTMLParser

import numpy as np
import pytest
from PIL import Image

import inksight
from inksight.inference.predictor import Answer
from inksight.utils import notebook

EVIL = '<script>alert("1")</script>&'


CUT_SHORT = """
import os
from inksight.callbacks import Callback
class PowerCut(Callback):
    def step(self, done, planned, running):
        assert done < 7
os.environ["INKSIGHT_CHECKPOINT_S"] = "0"
try:
    inksight.train({}, "quick", batch_size=100, epochs=1, out="cut", callback=PowerCut())
except AssertionError:
    inksight.resume("cut");
"""


class Reader(HTMLParser):
    """Text and pictures of HTML; every tag must be closed by its own end."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.open, self.texts, self.images, self.links = [], [], [], []
        self.feed(html)
        self.close()
        assert not self.open

    def handle_starttag(self, tag, attributes):
        values = dict(attributes)
        assert tag in ("div", "img", "a", "code", "pre")
        if tag == "img":
            assert values["alt"]
            content = base64.b64decode(values["src"].removeprefix("data:image/png;base64,"))
            self.images.append(np.asarray(Image.open(io.BytesIO(content))))
        else:
            self.open.append(tag)
        self.links += [values["href"]] if "href" in values else []

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.texts.append(data)


def test_a_data_set_shows_its_parts_and_pictures(small_mnist):
    data = replace(small_mnist, classes=(EVIL, *small_mnist.classes[1:]), name=EVIL)
    shown = Reader(data._repr_html_())
    assert shown.texts[:3] == [
        "data set",
        EVIL,
        "2,000 train + 500 validation + 500 test · 28 × 28 px, grey",
    ]
    assert shown.texts[3:8] == ["class", "train", "validation", "test", EVIL]
    zeros = [f"{(part.labels == 0).sum()}" for part in (data.train, data.validation, data.test)]
    assert shown.texts[8:11] == zeros
    (samples,) = shown.images
    assert samples.shape == (10 * 24, 12 * 24)
    assert samples.max(axis=1).reshape(10, 24).max(axis=1).min() > 200, "each class has its row"


def test_many_classes_and_colour():
    images = np.zeros((25, 12, 12, 3), np.uint8)
    images[..., 1] = 200
    split = inksight.Split(images, np.arange(25))
    shown = Reader(inksight.Dataset("many", tuple(map(str, range(25))), split, split)._repr_html_())
    assert shown.texts[-1] == "and 5 more classes"
    assert shown.images[0].shape == (20 * 24, 12 * 24, 3)
    assert shown.images[0][12, 12].tolist() == [0, 200, 0]


def test_a_run_shows_its_figures_and_mistakes(quick_run):
    shown = Reader(quick_run._repr_html_())
    assert f"{quick_run.metrics['test']['accuracy']:.2%} right" in shown.texts
    assert shown.links == [(quick_run.path / "report.html").as_posix()]
    with Image.open(quick_run.path / "errors.png") as sheet:
        whole = np.asarray(sheet)
    (top,) = shown.images
    np.testing.assert_array_equal(top, whole[: len(top)])
    assert (whole[len(top) - 1] == 255).all(), "no caption is cut"


def test_an_answer_shows_what_the_network_saw():
    seen = np.random.default_rng(0).integers(0, 256, (28, 28), np.uint8)
    rows = {EVIL: 0.7, "b": 0.2, **{f"c{number}": 0.01 for number in range(10)}}
    shown = Reader(Answer(EVIL, "unsure", EVIL, 0.7, rows, seen, (EVIL,))._repr_html_())
    np.testing.assert_array_equal(shown.images[0], seen)
    assert shown.texts[:3] == ["answer", EVIL, f"unsure · 70.0% sure · {EVIL}"]
    assert shown.texts[3:] == [EVIL, "70.0%", "b", "20.0%", "c0", "1.0%", "c1", "1.0%", "c2", "1.0%", EVIL]


@pytest.mark.slow
def test_outside_of_a_kernel_nothing_is_shown(small_npz):
    assert not notebook.in_kernel()
    assert notebook.shown(None, None) == (None, None)
    program = f"import inksight; inksight.train({str(small_npz)!r}, 'quick', epochs=1)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, cwd=small_npz.parent)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_the_time_left_counts_the_steps_of_this_process_only(monkeypatch):
    drawn, clock = [], iter((0.0, 0.0, 0.0, 0.0, 2.0, 4.0))
    monkeypatch.setattr(notebook.time, "monotonic", lambda: next(clock))
    monkeypatch.setattr(notebook.LiveBar, "_draw", lambda bar, done, total, what, figures: drawn.append(figures))
    bar = notebook.LiveBar()
    bar.built([])
    for done in (901, 902):
        bar.step(done, 1000, {"epoch": done / 100, "epochs": 10, "loss": 0.5, "accuracy": 0.9})
    assert drawn == [f"epoch 10 of 10 · loss 0.5000 · accuracy 0.9000 · {left} s left" for left in (198, 196)]


@pytest.mark.filterwarnings("ignore")  # of the kernel's own libraries
@pytest.mark.slow
def test_a_kernel_shows_a_bar_that_moves(small_npz):
    nbclient, nbformat = pytest.importorskip("nbclient"), pytest.importorskip("nbformat")
    pytest.importorskip("ipykernel")
    told = []

    class Client(nbclient.NotebookClient):
        def process_message(self, message, cell, index):
            if message["msg_type"] in ("display_data", "update_display_data"):
                told.append(message["content"])
            return super().process_message(message, cell, index)

    program = f"import inksight\nrun = inksight.train({str(small_npz)!r}, 'quick', least_steps=100, out='made')\nrun"
    resume = CUT_SHORT.format(repr(str(small_npz)))
    book = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(text) for text in (program, resume)])
    Client(book, timeout=120, kernel_name="python3", resources={"metadata": {"path": str(small_npz.parent)}}).execute()
    bar, card = book.cells[0].outputs
    assert len({content["transient"]["display_id"] for content in told}) == 2 and len(told) > 2
    shown = Reader(bar["data"]["text/html"])
    table, *rest = shown.texts
    header, *lines = table.splitlines()
    assert header.split() == ["epoch", "loss", "accuracy", "val_loss", "val_accuracy", "seconds"]
    assert [line.split()[0] for line in lines[:8]] == [f"{number}/8" for number in range(1, 9)]
    assert sum(line.endswith("  best") for line in lines) == 1
    assert rest[:2] == ["training", "100%"]
    assert re.fullmatch(r"epoch 8 of 8 · loss [\d.]{6} · accuracy [\d.]{6} · [\d.]+ s", rest[2])
    assert Reader(card["data"]["text/html"]).texts[0] == "run"
    said, bar = book.cells[1].outputs
    assert said["text"].startswith("Going on with cut after step 6.")
    assert Reader(bar["data"]["text/html"]).texts[1:3] == ["training", "100%"]
