"""The real `quick` preset on real MNIST: the main job from end to end, through the command line."""

import hashlib
import json
import subprocess
import sys

import numpy as np
import onnx
import onnxruntime
from PIL import Image

import inksight


def test_it_reaches_its_floor_and_says_what_it_did(quick):
    answer, folder = quick
    assert answer["test"]["accuracy"] >= 0.988
    assert answer["test"]["images"] == 10_000
    assert answer["test"]["errors"] == round(10_000 * (1 - answer["test"]["accuracy"]))
    low, high = answer["test"]["interval95"]
    assert low < answer["test"]["accuracy"] < high
    assert (answer["data"], answer["preset"], answer["backend"], answer["seed"]) == ("mnist", "quick", "jax", 0)
    assert {"total", "start", "data", "build", "fit", "export", "evaluate"} <= set(answer["seconds"])
    assert answer["run"] == "runs/mnist-quick-1"
    assert (folder / answer["run"] / "report.html").is_file()


PLAIN_KERAS = """
import os, sys
os.environ["KERAS_BACKEND"] = "jax"
import keras, numpy as np
model = keras.saving.load_model(sys.argv[1])
np.save(sys.argv[3], np.asarray(model(np.load(sys.argv[2]))))
assert "inksight" not in sys.modules
"""


def test_keras_and_onnx_files_agree_without_us(quick_run, mnist, tmp_path):
    """Both files open in the plain libraries and give the same on 1,000 test pictures."""
    images = mnist.test.images[:1000, ..., None]
    np.save(tmp_path / "images.npy", images)
    arguments = [str(quick_run.path / "model.keras"), str(tmp_path / "images.npy"), str(tmp_path / "out.npy")]
    subprocess.run([sys.executable, "-c", PLAIN_KERAS, *arguments], check=True, timeout=120, cwd=tmp_path)
    session = onnxruntime.InferenceSession(quick_run.path / "model.onnx")
    (found,) = session.run(None, {"images": images})
    assert np.abs(np.load(tmp_path / "out.npy") - found).max() <= 1e-5
    assert (found.argmax(1) == mnist.test.labels[:1000]).mean() > 0.98


def test_the_files_carry_their_provenance(quick_run, mnist):
    properties = {item.key: item.value for item in onnx.load(quick_run.path / "model.onnx").metadata_props}
    assert json.loads(properties["classes"]) == list("0123456789")
    assert properties["preprocessing"] == "digits"
    assert json.loads(properties["provenance"])["data"]["sha256"] == mnist.sha256
    card = json.loads((quick_run.path / "model.json").read_text())
    assert card["onnx_sha256"] == hashlib.sha256((quick_run.path / "model.onnx").read_bytes()).hexdigest()
    assert card["provenance"]["test"]["accuracy"] == quick_run.metrics["test"]["accuracy"]
    assert 0.5 <= card["unsure_below"] < 1 and 0.3 < card["temperature"] < 3
    assert quick_run.config["versions"]["keras"] and quick_run.config["machine"]["processor"]


def test_evaluate_finds_the_same_again(quick, command):
    answer, folder = quick
    done = command(folder, "evaluate", answer["run"], "--json", "--out", "figures")
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["accuracy"] == answer["test"]["accuracy"]
    matrix = np.array(found["confusion"])
    assert np.trace(matrix) == 10_000 - answer["test"]["errors"]
    sevens = found["per_class"]["7"]
    assert sevens["images"] == 1028 == matrix[7].sum()
    assert sevens["recall"] == matrix[7, 7] / 1028
    assert sevens["precision"] == matrix[7, 7] / matrix[:, 7].sum()
    assert sorted(path.name for path in (folder / "figures").iterdir()) == ["confusion.png", "errors.png"]
    plain = command(folder, "evaluate", "latest")
    assert f"{100 * found['accuracy']:.2f} % right on 10,000 pictures" in plain.stdout
    assert f"7 {' '.join(str(n) if n else '·' for n in matrix[7])}" in " ".join(plain.stdout.replace(",", "").split())


def test_it_answers_about_a_test_picture(quick_run, mnist, tmp_path):
    reader = inksight.Predictor.load(quick_run.path)
    Image.fromarray(mnist.test.images[4444]).save(tmp_path / "4444.png")
    answer = reader.predict(tmp_path / "4444.png")
    assert (answer.verdict, answer.label) == ("class", "9")
    assert reader.probabilities(mnist.test.images[:3]).shape == (3, 10)


def test_pictures_of_the_run_are_pictures(quick_run):
    for name in ("confusion", "errors", "curves", "trust"):
        with Image.open(quick_run.path / f"{name}.png") as picture:
            assert min(picture.size) > 200


def test_keras_itself_says_the_same_of_it(quick, command):
    answer, folder = quick
    done = command(folder, "evaluate", answer["run"], "--backend", "jax", "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["errors"] == answer["test"]["errors"]
    for run, backend, code, said in [
        (answer["run"], "jaxx", 2, 'no backend "jaxx". Did you mean jax'),
        (
            "shipped",
            "jax",
            1,
            "has no model.keras, which --backend asks; leave it away for model.onnx in ONNX Runtime.",
        ),
    ]:
        done = command(folder, "evaluate", run, "--backend", backend)
        assert done.returncode == code and said in done.stderr
