"""The page's own routes: its files, and what it is told of a picture. `inksight serve` has none of them."""

import base64
import re

import cv2
import numpy as np
import pytest

from inksight.metrics.calibration import with_temperature
from inksight.serve.page import page_routes

PNG = {"Content-Type": "image/png"}
MODULE = re.compile(r'(?:from|import) "(\./|\.\./)([\w./-]+)"')


@pytest.fixture(scope="module")
def app(start):
    with start("--no-browser", command="app") as running:
        yield running


def test_only_the_app_has_the_page(server, app):
    for route in page_routes():
        method = "POST" if "POST" in (route.methods or ()) else "GET"
        if not route.path.startswith("/app/") or "{" in route.path:
            continue
        assert server.client.request(method, route.path).status_code == 404, route.path
    assert server.client.get("/").status_code == 404
    assert server.client.get("/static/app.js").status_code == 404


def test_the_page_and_all_it_loads_are_served_with_their_types(app):
    page = app.client.get("/")
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    waiting = [f"/{path}" for path in re.findall(r'(?:href|src)="(static/[^"]+)"', page.text)]
    seen = set()
    while waiting:
        path = waiting.pop()
        if path in seen:
            continue
        seen.add(path)
        answer = app.client.get(path)
        assert answer.status_code == 200, path
        kinds = {"js": "text/javascript", "css": "text/css", "svg": "image/svg+xml"}
        assert answer.headers["content-type"] == f"{kinds[path.rpartition('.')[2]]}; charset=utf-8"
        folder = path.rpartition("/")[0]
        for up, name in MODULE.findall(answer.text if path.endswith(".js") else ""):
            waiting.append(f"{folder if up == './' else folder.rpartition('/')[0]}/{name}")
    assert len(seen) > 15


def test_the_page_may_run_nothing_but_its_own_files(app):
    answer = app.client.get("/")
    policies = answer.headers.get_list("content-security-policy")
    assert len(policies) == 1
    rules = dict(rule.split(" ", 1) for rule in policies[0].split("; "))
    assert rules["default-src"] == "'none'"
    assert rules["script-src"] == rules["style-src"] == rules["connect-src"] == "'self'"
    assert rules["frame-ancestors"] == rules["base-uri"] == rules["form-action"] == "'none'"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert not re.search(r"<script(?![^>]*src=)|\sstyle=|\son\w+=", answer.text)


@pytest.mark.parametrize(
    "path", ["../app.py", "..%2fapp.py", "%2e%2e/app.py", "tabs", "tabs/", "index.html", "none.js"]
)
def test_other_paths_are_not_opened(app, path):
    assert app.client.get(f"/static/{path}").status_code == 404


def test_the_service_is_all_there_too(app, drawing):
    assert app.client.post("/predict", content=drawing, headers=PNG).json()["label"] == "7"
    assert app.client.get("/v2/models/shipped/ready").status_code == 200


def test_it_says_which_model_answers(app, reader):
    answer = app.client.get("/app/model").json()
    assert (answer["name"], answer["version"]) == ("shipped", "1")
    assert answer["classes"] == list(reader.card.classes)
    assert answer["reads_numbers"] is True
    assert answer["about"]["preset"] == "robust"
    assert answer["about"]["test"]["images"] == 10_000


def pixels(address: str) -> np.ndarray:
    """A picture out of its data: address."""
    head, _, content = address.partition(",")
    assert head == "data:image/png;base64"
    return cv2.imdecode(np.frombuffer(base64.b64decode(content), np.uint8), cv2.IMREAD_UNCHANGED)


def test_it_tells_how_a_picture_became_the_input(app, reader, drawing):
    answer = app.client.post("/app/seen", content=drawing, headers=PNG).json()
    story = reader.story_of(drawing)
    assert list(answer["stages"]) == ["picture", "paper", "ink", "input"]
    assert (pixels(answer["stages"]["input"]) == reader.input_of(drawing).pixels).all()
    assert answer["corrections"] == list(story.corrections)
    assert (answer["size"], answer["box"]) == ([140, 140], list(story.box))
    assert answer["answer"] == reader.predict(drawing).to_dict()


def unpacked(packed: dict) -> np.ndarray:
    """An array as the page unpacks it."""
    steps = np.frombuffer(base64.b64decode(packed["steps"]), np.uint8).reshape(packed["shape"])
    return packed["low"] + steps * ((packed["high"] - packed["low"]) / 255)


def test_it_shows_each_layer_and_what_mattered(app, reader, drawing):
    answer = app.client.post("/app/inside", content=drawing, headers=PNG).json()
    assert answer["answer"] == reader.predict(drawing).to_dict()
    assert (unpacked(answer["input"])[..., 0] == reader.input_of(drawing).pixels).all()
    last = answer["layers"][-1]
    assert last["operator"] == "softmax"
    found = with_temperature(unpacked(last["values"])[None].astype(np.float32).clip(1e-9, 1), reader.card.temperature)
    assert found.argmax() == 7
    for layer in answer["layers"]:
        assert unpacked(layer["values"]).size == np.prod(layer["values"]["shape"])
        assert all(number < len(answer["layers"]) for number in layer["inputs"])
    first = next(layer for layer in answer["layers"] if layer["operator"] == "convolve")
    assert first["kernel"]["shape"][:2] == first["field"]["size"]
    assert unpacked(answer["mattered"]).shape == (28, 28)


def test_a_model_of_other_things_is_shown_too(start, colour_run, drawing):
    with start("--no-browser", "--model", str(colour_run), command="app") as app:
        assert app.client.get("/app/model").json()["reads_numbers"] is False
        seen = app.client.post("/app/seen", content=drawing, headers=PNG).json()
        assert list(seen["stages"]) == ["picture", "input"]
        assert seen["corrections"] == [
            "scaled: 140 × 140 px became a square of 16 px, with its proportions kept",
            f"note: the picture is grey; {colour_run.name} was trained on colour pictures",
        ]
        inside = app.client.post("/app/inside", content=drawing, headers=PNG).json()
        assert inside["input"]["shape"] == [16, 16, 3]
        assert set(inside["answer"]["probabilities"]) == {"red", "green", "blue"}


@pytest.mark.parametrize("path", ["seen", "inside"])
def test_what_cannot_be_read_is_said(app, blank, path):
    answer = app.client.post(f"/app/{path}", content=blank, headers=PNG)
    assert answer.status_code == 422
    assert answer.json()["error"].startswith("the picture is blank")


def test_the_page_is_open_but_tells_nothing_without_the_token(start):
    with start("--no-browser", "--token", "sesame", command="app") as app:
        assert app.client.get("/").status_code == 200
        assert app.client.get("/static/app.js").status_code == 200
        assert app.client.get("/app/model").status_code == 401
        assert app.client.post("/app/seen").status_code == 401
        assert app.client.get("/app/model", headers={"Authorization": "Bearer sesame"}).status_code == 200


def test_a_data_folder_that_is_not_there_is_said_before_the_page_opens(command, tmp_path):
    done = command(tmp_path, "app", "--no-browser", "--port", "0", "--data", "nowhere")
    assert done.returncode == 2 and "nowhere is no folder; --data takes folders of pictures" in done.stderr
