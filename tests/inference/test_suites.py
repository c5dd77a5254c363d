"""The suites beyond the test part, on the shipped model with a few pictures of each kind."""

import json
import sys

import numpy as np
import pytest

import inksight
from inksight.cli.tables import print_suites
from inksight.data import Split
from inksight.data.synthetic.composed import OUTLIERS, compose
from inksight.data.synthetic.mnist_c import CORRUPTIONS
from inksight.errors import PictureError, UsageError
from inksight.evaluation.suites import (
    FOREIGN,
    SUITES,
    Trial,
    evaluate_composed,
    evaluate_outliers,
    evaluate_sklearn_digits,
    evaluate_suites,
)


@pytest.fixture(scope="module")
def reader() -> inksight.Predictor:
    return inksight.Predictor.shipped()


@pytest.fixture(scope="module")
def found(command, small_mnist, tmp_path_factory):
    """What the command says of 500 test pictures and two composed ones of each kind."""
    folder, (train, test) = tmp_path_factory.mktemp("suites"), (small_mnist.train, small_mnist.test)
    np.savez(folder / "s.npz", x_train=train.images, y_train=train.labels, x_test=test.images, y_test=test.labels)
    done = command(folder, "evaluate", "shipped", "--data", "s.npz", "--suite", "all", "--count", "2", "--json")
    assert done.returncode == 0 and done.stderr == ""
    return json.loads(done.stdout)


@pytest.mark.slow
def test_all_says_everything(found):
    assert set(SUITES) < set(found) and found["left_out"] == {}
    assert set(found["corruptions"]) == {*CORRUPTIONS, "mean_error", "mean_ece", "coverage_curve"}
    assert found["corruptions"]["mean_error"] < 0.05 and 0 < found["ece"] < found["corruptions"]["mean_ece"] < 0.05
    assert found["coverage_curve"][-1]["accuracy"] == found["accuracy"] > 0.98
    assert found["sklearn_digits"]["images"] == 40 and found["sklearn_digits"]["accuracy"] > 0.9
    assert set(found["composed"]) == {"canvas", "photo", "number", "touching", "pair"}
    assert all(row["images"] == 2 and row["accuracy"] in (0, 0.5, 1) for row in found["composed"].values())
    assert set(found["outliers"]) == {*OUTLIERS, "auroc", "digits_answered"}
    assert found["outliers"]["blank"] == {"images": 2, "refused": 1, "rejected": 1, "auroc": 1}
    assert found["outliers"]["auroc"] > 0.95 and found["outliers"]["digits_answered"] > 0.98


@pytest.mark.slow
def test_all_has_a_line_for_everything(found, capsys):
    print_suites(found, found)
    said = capsys.readouterr().out
    assert all(name in said for name in (*CORRUPTIONS, *FOREIGN.values(), *OUTLIERS))
    assert "wrong on average when spoiled in 15 ways (MNIST-C)" in said
    assert "Calibration error: " in said and "AUROC 0.9" in said and "of the test digits are not rejected" in said
    assert "100 %" in said and all(len(line) <= 110 for line in said.splitlines())


def test_composed_pictures_are_counted_as_they_are_read(reader, mnist):
    right = evaluate_composed(Trial(reader, mnist.test, count=2, seed=3))
    pictures, texts = compose("photo", mnist.test.images, mnist.test.labels, 2, seed=3)
    said = [reader.predict(picture).label for picture in pictures]
    assert right["photo"]["accuracy"] == np.mean([one == other for one, other in zip(said, texts, strict=True)])
    pictures, texts = compose("pair", mnist.test.images, mnist.test.labels, 2, seed=3)
    said = [reader.read(picture).text for picture in pictures]
    assert right["pair"]["accuracy"] == np.mean([one == other for one, other in zip(said, texts, strict=True)])


def test_outliers_are_counted_as_they_are_answered(reader, small_mnist):
    rates = evaluate_outliers(Trial(reader, small_mnist.test, count=6))
    for kind in ("noise", "letters"):
        verdicts = []
        for picture in compose(kind, small_mnist.test.images, small_mnist.test.labels, 6)[0]:
            try:
                verdicts.append(reader.predict(picture).verdict)
            except PictureError:
                verdicts.append("refused")
        assert rates[kind]["refused"] == np.mean([verdict == "refused" for verdict in verdicts])
        assert rates[kind]["rejected"] == np.mean([verdict in ("refused", "rejected") for verdict in verdicts])


def test_a_model_of_other_things_leaves_them_out(colour_run):
    colours = Split(np.zeros((3, 16, 16, 3), np.uint8), np.arange(3))
    trial = Trial(inksight.Predictor.load(colour_run), colours, count=1)
    found = evaluate_suites(trial)
    assert list(found) == ["left_out"] and set(found["left_out"]) == set(SUITES)
    assert found["left_out"]["corruptions"].endswith("MNIST-C is made for uint8 (n, 28, 28).")
    why = r"handwritten digits, 0 to 9; this model takes 16 px pictures \(resize\) of red, green, blue\.$"
    for suite in (evaluate_composed, evaluate_outliers, evaluate_sklearn_digits):
        with pytest.raises(UsageError, match=why):
            suite(trial)


def test_without_scikit_learn_its_digits_are_left_out(reader, small_mnist, monkeypatch):
    monkeypatch.setitem(sys.modules, "sklearn.datasets", None)  # as if it were not installed
    with pytest.raises(UsageError, match="they come with scikit-learn, which is not installed: pip install"):
        evaluate_sklearn_digits(Trial(reader, small_mnist.test))
