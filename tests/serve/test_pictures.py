"""POST /predict and /read: the same dictionaries as on the command line, the same errors as in the library."""

import json

import pytest

import inksight
from inksight.errors import PictureError, UsageError

PNG = {"Content-Type": "image/png"}


def files(*named: tuple[str, bytes]):
    return [("file", (name, content, "image/png")) for name, content in named]


@pytest.mark.parametrize("path", ["predict", "read"])
def test_a_raw_picture_is_answered_as_by_the_library(server, reader, drawing, path):
    answer = server.client.post(f"/{path}", content=drawing, headers=PNG)
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/json"
    assert answer.json() == getattr(reader, path)(drawing).to_dict()


@pytest.mark.parametrize("path", ["predict", "read"])
def test_a_form_is_answered_as_by_the_command(server, command, tmp_path, mnist, png, drawing, path):
    names = ["seven.png", "zwei – 2.png"]
    for name, content in zip(names, [drawing, png(mnist.test.images[1])], strict=True):
        (tmp_path / name).write_bytes(content)
    done = command(tmp_path, path, *names, "--json")
    printed = [json.loads(line) for line in done.stdout.splitlines()]
    answer = server.client.post(f"/{path}", files=files(*((name, (tmp_path / name).read_bytes()) for name in names)))
    assert answer.status_code == 200
    assert answer.json() == printed


def test_a_form_of_one_is_a_list_of_one(server, drawing):
    (answer,) = server.client.post("/predict", files=files(("a.png", drawing))).json()
    assert (answer["source"], answer["label"]) == ("a.png", "7")


def test_a_picture_that_cannot_be_read_does_not_stop_the_others(server, drawing, blank):
    answer = server.client.post("/predict", files=files(("a.png", blank), ("b.png", drawing), ("c.png", b"none")))
    assert answer.status_code == 200
    first, second, third = answer.json()
    assert set(first) == {"source", "error"} and first["error"].startswith("a.png: the picture is blank")
    assert second["label"] == "7"
    assert third["error"].startswith("c.png is not a picture that can be read")


@pytest.mark.parametrize("path", ["predict", "read"])
@pytest.mark.parametrize("kind", ["blank", "text", "empty", "cut", "huge"])
def test_errors_have_the_librarys_text(server, reader, drawing, blank, path, kind):
    huge = b"P5 12000 9000 255\n"
    content = {"blank": blank, "text": b"none", "empty": b"", "cut": drawing[:200], "huge": huge}[kind]
    with pytest.raises(PictureError, match="the picture|memory") as caught:
        getattr(reader, path)(content)
    answer = server.client.post(f"/{path}", content=content, headers=PNG)
    assert answer.status_code == 422
    assert answer.json() == {"error": str(caught.value)}


def test_a_form_of_nothing_readable_is_one_error(server, blank):
    answer = server.client.post("/predict", files=files(("a.png", blank), ("b.png", b"none")))
    assert answer.status_code == 422
    assert "a.png: the picture is blank" in answer.json()["error"]
    assert "b.png is not a picture" in answer.json()["error"]


def test_a_form_can_be_wrong(server, drawing):
    def refused(content: bytes, boundary: str) -> str:
        kind = {"Content-Type": f"multipart/form-data{boundary}"}
        answer = server.client.post("/predict", content=content, headers=kind)
        assert answer.status_code == 400
        return answer.json()["error"]

    part = b'--x\r\nContent-Disposition: form-data; name="a"'
    assert refused(part + b"\r\n\r\n1\r\n--x--\r\n", "; boundary=x") == (
        'the field "a" is no file; send each picture as a file.'
    )
    assert refused(b"--x--\r\n", "; boundary=x").startswith("the form ")
    assert refused(b"nonsense", "; boundary=x").startswith("the form is damaged (")
    assert refused(part + b'; filename="a"\r\n\r\n1', "; boundary=x").startswith("the form ")
    assert refused(drawing, "").startswith("the form is damaged (")


@pytest.mark.parametrize(
    ("headers", "text"),
    [
        ({"Content-Type": "application/x-www-form-urlencoded"}, "the content type application/x-www-form-urlencoded"),
        ({"Content-Type": "text/plain; charset=utf-8"}, "the content type text/plain came; that of a picture"),
        ({"Content-Type": "image/png", "Content-Encoding": "gzip"}, "the body's encoding is gzip; none was wanted."),
    ],
)
def test_other_content_types_are_415(server, drawing, headers, text):
    answer = server.client.post("/predict", content=drawing, headers=headers)
    assert answer.status_code == 415
    assert answer.json()["error"].startswith(text)


def test_a_name_is_never_opened(server, drawing):
    names = ["/etc/passwd", "../../etc/passwd", "latest", ""]
    answer = server.client.post("/predict", files=files(*((name or "x", drawing) for name in names)))
    assert [each["label"] for each in answer.json()] == ["7"] * 4
    answer = server.client.post("/predict", content=b"/etc/passwd", headers={"Content-Type": "image/png"})
    assert answer.status_code == 422


def test_a_model_of_other_things_cannot_read_numbers(start, colour_run, drawing):
    with start("--model", str(colour_run)) as server:
        answer = server.client.post("/read", content=drawing, headers=PNG)
        assert answer.status_code == 400
        with pytest.raises(UsageError, match="reading numbers needs") as caught:
            inksight.Predictor.load(colour_run).read(drawing)
        assert answer.json() == {"error": str(caught.value).replace(str(colour_run), colour_run.name)}
        assert server.client.post("/predict", content=drawing, headers=PNG).json()["label"] in ("red", "green", "blue")
        assert server.client.get(f"/v2/models/{colour_run.name}").json()["inputs"][0]["shape"] == [-1, 16, 16, 3]


def test_unknown_paths_and_methods(server):
    answer = server.client.get("/nowhere")
    assert (answer.status_code, answer.json()["error"]) == (
        404,
        "there is nothing at /nowhere; /openapi.json names all there is.",
    )
    answer = server.client.get("/predict")
    assert (answer.status_code, answer.json()["error"]) == (405, "/predict does not answer GET; POST was wanted.")
    assert answer.headers["allow"] == "POST"
    assert server.client.get("/predict/").status_code == 404
