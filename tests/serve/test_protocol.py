"""The Open Inference Protocol v2, by hand and by Triton's own client."""

import json

import numpy as np
import pytest

import inksight

MODEL = "/v2/models/shipped"
PATHS = [MODEL, f"{MODEL}/versions/1"]


def test_the_server_says_what_it_is(server):
    from importlib.metadata import version

    expected = {"name": "inksight", "version": version("inksight"), "extensions": ["binary_tensor_data"]}
    assert server.client.get("/v2").json() == expected
    assert server.client.get("/v2/health/live").json() == {"live": True}
    assert server.client.get("/v2/health/ready").json() == {"ready": True}


@pytest.mark.parametrize("path", PATHS)
def test_the_model_says_what_it_takes(server, path):
    assert server.client.get(path).json() == {
        "name": "shipped",
        "versions": ["1"],
        "platform": "onnxruntime_onnx",
        "inputs": [{"name": "images", "datatype": "UINT8", "shape": [-1, 28, 28, 1]}],
        "outputs": [{"name": "probabilities", "datatype": "FP32", "shape": [-1, 10]}],
    }
    ready = server.client.get(f"{path}/ready")
    assert (ready.status_code, ready.json()) == (200, {"name": "shipped", "ready": True})


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("count", [0, 1, 3, 256])
def test_it_answers_tensors_as_the_predictor_does(server, reader, mnist, ask_tensor, path, count):
    images = mnist.test.images[:count]
    answer = server.client.post(f"{path}/infer", json=ask_tensor(images, id="forty-two"))
    assert answer.status_code == 200
    content = answer.json()
    (output,) = content.pop("outputs")
    assert content == {"model_name": "shipped", "model_version": "1", "id": "forty-two"}
    data = output.pop("data")
    assert output == {"name": "probabilities", "shape": [count, 10], "datatype": "FP32"}
    expected = reader.probabilities(images)
    assert np.abs(np.float32(data).reshape(count, 10) - expected).max(initial=0) <= 1e-6


def test_nested_data_no_id_and_chosen_outputs(server, mnist, ask_tensor):
    flat = ask_tensor(mnist.test.images[:2])
    nested = ask_tensor(mnist.test.images[:2], outputs=[{"name": "probabilities"}])
    nested["inputs"][0]["data"] = mnist.test.images[:2, ..., None].tolist()
    answers = [server.client.post(f"{MODEL}/infer", json=body).json() for body in (flat, nested)]
    assert answers[0] == answers[1]
    assert "id" not in answers[0]


def wrong(change) -> tuple[object, int]:
    """The infer request for one black image, with a change made to it."""
    tensor = {"name": "images", "shape": [1, 28, 28, 1], "datatype": "UINT8", "data": [0] * 784}
    body = {"inputs": [tensor]}
    return change(body, tensor) or body


WRONG = {
    'the inputs are "pixels"; one, "images", was wanted.': lambda body, tensor: tensor.update(name="pixels"),
    "the inputs are none; one,": lambda body, tensor: body.update(inputs=[]),
    'the inputs are "images", "images"; one,': lambda body, tensor: body.update(inputs=[tensor, tensor]),
    "inputs is no list; one of JSON objects was wanted.": lambda body, tensor: body.update(inputs=tensor),
    "one of the inputs is no JSON object; one was wanted.": lambda body, tensor: body.update(inputs=[1]),
    'the datatype of "images" is "FP32"; "UINT8" was wanted.': lambda body, tensor: tensor.update(datatype="FP32"),
    'the datatype of "images" is null;': lambda body, tensor: tensor.pop("datatype") and None,
    'the shape of "images" is [1, 28, 28]; [n, 28, 28, 1] was wanted.': lambda body, tensor: tensor.update(
        shape=[1, 28, 28]
    ),
    'the shape of "images" is [1, 1, 28, 28];': lambda body, tensor: tensor.update(shape=[1, 1, 28, 28]),
    'the shape of "images" is [-1, 28, 28, 1];': lambda body, tensor: tensor.update(shape=[-1, 28, 28, 1]),
    'the shape of "images" is [1.0, 28, 28, 1];': lambda body, tensor: tensor.update(shape=[1.0, 28, 28, 1]),
    'the shape of "images" is [true, 28, 28, 1];': lambda body, tensor: tensor.update(shape=[True, 28, 28, 1]),
    'the shape of "images" is "all";': lambda body, tensor: tensor.update(shape="all"),
    '"images" has 783 values; its shape [1, 28, 28, 1] wants 784.': lambda body, tensor: tensor["data"].pop(),
    '"images" has 784 values; its shape [99999999999999999999, 28, 28, 1] wants': lambda body, tensor: tensor.update(
        shape=[99999999999999999999, 28, 28, 1]
    ),
    'the data of "images" is no list of whole numbers from 0 to 255': lambda body, tensor: tensor["data"].insert(0, -1),
    'the data of "images" is no list of': lambda body, tensor: tensor["data"].insert(0, 256),
    'the data of "images" is no list': lambda body, tensor: tensor["data"].insert(0, 0.5),
    'the data of "images" is no': lambda body, tensor: tensor["data"].insert(0, "0"),
    'the data of "images" is': lambda body, tensor: tensor["data"].insert(0, [0]),
    'the data of "images" i': lambda body, tensor: tensor["data"].insert(0, 10**30),
    'the data of "images" ': lambda body, tensor: tensor.pop("data") and None,
    'the data of "images" is nested as [28, 28];': lambda body, tensor: tensor.update(data=[[0] * 28] * 28),
    "the id is 7; a string was wanted.": lambda body, tensor: body.update(id=7),
    'no output "logits". Known: probabilities.': lambda body, tensor: body.update(outputs=[{"name": "logits"}]),
    "outputs is no list; one of JSON objects was wanted.": lambda body, tensor: body.update(outputs={}),
    "parameters is no JSON object; one was wanted.": lambda body, tensor: body.update(parameters=[]),
    "the request is no JSON object; one was wanted.": lambda body, tensor: [body],
    'the binary_data_size of "images" is 784, but 0 bytes came behind the JSON;': lambda body, tensor: tensor.update(
        parameters={"binary_data_size": tensor.pop("data") and 784}
    ),
    '"images" has both data and a binary_data_size;': lambda body, tensor: tensor.update(
        parameters={"binary_data_size": 784}
    ),
}


@pytest.mark.parametrize("text", WRONG)
def test_what_is_wrong_with_a_tensor_is_a_400_that_says_so(server, text):
    answer = server.client.post(f"{MODEL}/infer", json=wrong(WRONG[text]))
    assert (answer.status_code, set(answer.json())) == (400, {"error"})
    assert answer.json()["error"].startswith(text)


def test_half_a_pair_of_characters_is_answered_too(server):
    body = wrong(lambda body, tensor: body.update(outputs=[{"name": "\ud800"}]))
    answer = server.client.post(f"{MODEL}/infer", content=json.dumps(body))
    assert (answer.status_code, answer.json()) == (400, {"error": 'no output "?". Known: probabilities.'})


@pytest.mark.parametrize("content", [b"", b"{", b"\xff", b'{"inputs": NaN}', b"[" * 100_000, b"1" * 5000], ids=range(6))
def test_what_is_no_json_is_a_400(server, content):
    answer = server.client.post(f"{MODEL}/infer", content=content)
    assert answer.status_code == 400
    assert answer.json()["error"].startswith(("the request is not JSON (", "the request is no JSON object"))


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("/v2/models/shiped", 'no model "shiped". Did you mean shipped? Known: shipped.'),
        ("/v2/models/..%2Fshipped", None),
        (f"{MODEL}/versions/2", 'no version "2". Known: 1.'),
        ("/v2/models/mine/versions/1", 'no model "mine". Known: shipped.'),
    ],
)
def test_unknown_models_and_versions(server, path, text):
    for answer in (
        server.client.get(path),
        server.client.get(f"{path}/ready"),
        server.client.post(f"{path}/infer", json={}),
    ):
        assert answer.status_code == (400 if text else 404)
        assert text is None or answer.json() == {"error": text}


def test_bytes_behind_the_json(server, reader, mnist):
    images = mnist.test.images[:5]
    tensor = {"name": "images", "shape": [5, 28, 28, 1], "datatype": "UINT8"}
    tensor["parameters"] = {"binary_data_size": images.size}
    output = {"name": "probabilities", "parameters": {"binary_data": True}}
    head = json.dumps({"inputs": [tensor], "outputs": [output]}).encode()
    length = {"Inference-Header-Content-Length": str(len(head))}
    answer = server.client.post(f"{MODEL}/infer", content=head + images.tobytes(), headers=length)
    assert answer.status_code == 200
    size = int(answer.headers["inference-header-content-length"])
    (output,) = json.loads(answer.content[:size])["outputs"]
    assert output["parameters"] == {"binary_data_size": 200}
    rows = np.frombuffer(answer.content[size:], "<f4").reshape(5, 10)
    assert np.abs(rows - reader.probabilities(images)).max() <= 1e-6

    def refused(content: bytes, length: str) -> str:
        headers = {"Inference-Header-Content-Length": length}
        answer = server.client.post(f"{MODEL}/infer", content=content, headers=headers)
        assert answer.status_code == 400
        return answer.json()["error"]

    assert "but 3919 bytes came behind the JSON" in refused(head + images.tobytes()[1:], str(len(head)))
    assert refused(head, "many").startswith("Inference-Header-Content-Length is many; at most the body's")
    assert refused(head, "999999").startswith("Inference-Header-Content-Length is 999999; at most")
    assert refused(head, "9" * 5000).startswith(f"Inference-Header-Content-Length is {18 * '9'}; at most")
    plain = json.dumps(wrong(lambda body, tensor: None)).encode()
    assert refused(plain + b"12", str(len(plain))).startswith("2 bytes came behind the JSON, but no input has")


@pytest.mark.parametrize("binary", [True, False])
@pytest.mark.slow
def test_tritons_client_gets_along(server, reader, mnist, binary):
    client_module = pytest.importorskip("tritonclient.http")
    images = mnist.test.images[:40, ..., None]
    with client_module.InferenceServerClient(server.address.removeprefix("http://")) as client:
        assert client.is_server_live() and client.is_server_ready()
        assert client.is_model_ready("shipped") and client.is_model_ready("shipped", "1")
        assert client.get_server_metadata()["extensions"] == ["binary_tensor_data"]
        assert client.get_model_metadata("shipped", "1")["versions"] == ["1"]
        tensor = client_module.InferInput("images", images.shape, "UINT8")
        tensor.set_data_from_numpy(images, binary_data=binary)
        wanted = client_module.InferRequestedOutput("probabilities", binary_data=binary)
        for outputs in (None, [wanted]):
            answer = client.infer("shipped", [tensor], outputs=outputs, request_id="a")
            assert answer.get_response()["id"] == "a"
            assert np.abs(answer.as_numpy("probabilities") - reader.probabilities(images)).max() <= 1e-6
        pending = [client.async_infer("shipped", [tensor], model_version="1") for _ in range(5)]
        for each in pending:
            assert each.get_result().as_numpy("probabilities").shape == (40, 10)
        with pytest.raises(client_module.InferenceServerException, match='no model "mine". Known: shipped.'):
            client.infer("mine", [tensor])


def test_a_run_is_called_by_its_folder(start, digit_run):
    reader = inksight.Predictor.load(digit_run)
    with start("--model", str(digit_run)) as server:
        assert server.client.get(f"/v2/models/{digit_run.name}").json()["name"] == digit_run.name
        tensor = wrong(lambda body, tensor: None)
        rows = server.client.post(f"/v2/models/{digit_run.name}/infer", json=tensor).json()["outputs"][0]["data"]
        assert np.allclose(rows, reader.probabilities(np.zeros((1, 28, 28), np.uint8))[0], atol=1e-6)
