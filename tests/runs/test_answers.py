"""The answers that a run keeps: what they say is what the evaluation says, and they come back whole or not at all."""

import io
from dataclasses import replace

import numpy as np
import pytest

import inksight
from inksight.errors import RunError
from inksight.evaluation.evaluate import evaluate_split
from inksight.metrics.calibration import surest_first
from inksight.runs import answers


@pytest.fixture(scope="module")
def evaluation(digit_run, small_mnist):
    return evaluate_split(inksight.Predictor.load(digit_run), small_mnist.test)


@pytest.fixture(scope="module")
def sheet(evaluation):
    return evaluation.answers


def test_it_says_what_the_evaluation_says(evaluation, sheet):
    assert sheet.wrong.tolist() == evaluation.wrong.tolist()
    assert sheet.right.mean() == evaluation.metrics()["accuracy"]
    accuracy = surest_first(sheet.right, sheet.confidences)[1]
    for point in evaluation.metrics()["coverage_curve"]:
        assert accuracy[round(point["coverage"] * len(sheet)) - 1] == pytest.approx(point["accuracy"])


def test_it_keeps_the_wrong_pictures_and_a_right_one_of_each_class(evaluation, sheet):
    np.testing.assert_array_equal(sheet.wrong_images, evaluation.split.images[evaluation.wrong])
    firsts = [np.flatnonzero(sheet.right & (sheet.labels == label))[0] for label in range(10)]
    np.testing.assert_array_equal(sheet.examples, evaluation.split.images[firsts])


def test_it_comes_back(sheet):
    again = answers.parse(answers.to_bytes(sheet), "answers.npz")
    assert again.sha256 == sheet.sha256
    for name in ("labels", "answers", "confidences", "wrong_images", "examples"):
        np.testing.assert_array_equal(getattr(again, name), getattr(sheet, name))


def test_the_names_of_files_come_back(evaluation):
    names = tuple(f"ünï/{number} .png" for number in range(len(evaluation.split)))
    named = replace(evaluation, split=replace(evaluation.split, files=names)).answers
    content = answers.to_bytes(named)
    assert answers.parse(content, "answers.npz").files == names and named.sha256 == evaluation.answers.sha256
    assert answers.parse(answers.to_bytes(evaluation.answers), "answers.npz").files is None


def test_mistakes_name_index_and_file(evaluation):
    names = tuple(f"{number}.png" for number in range(len(evaluation.split)))
    told = replace(evaluation, split=replace(evaluation.split, files=names)).mistakes
    assert [row["index"] for row in told] == evaluation.wrong.tolist()
    first, index = told[0], int(evaluation.wrong[0])
    assert first == {
        "index": index,
        "file": f"{index}.png",
        "label": str(evaluation.split.labels[index]),
        "predicted": str(evaluation.probabilities[index].argmax()),
        "confidence": pytest.approx(float(evaluation.probabilities[index].max()), abs=1e-6),
    }
    assert {row["file"] for row in evaluation.mistakes} == {None}


def test_of_very_many_wrong_pictures_the_surest_are_kept(evaluation, sheet, monkeypatch):
    monkeypatch.setattr(answers, "MOST_BYTES", 5 * 28 * 28)
    few = evaluation.answers
    np.testing.assert_array_equal(few.wrong_images, sheet.wrong_images[:5])
    assert few.wrong.tolist() == sheet.wrong.tolist()


def test_another_test_part_has_another_hash(evaluation, small_mnist):
    split = small_mnist.test
    swapped = split.labels.copy()
    swapped[[0, 1]] = swapped[[1, 0]]
    assert split.sha256 == evaluation.answers.sha256
    assert inksight.Split(split.images, swapped).sha256 != split.sha256


def packed(**fields) -> bytes:
    buffer = io.BytesIO()
    np.savez(buffer, **fields)
    return buffer.getvalue()


def damaged(sheet) -> dict[str, bytes]:
    whole = answers.to_bytes(sheet)
    fields = {name: np.asarray(getattr(sheet, name)) for name in answers._FIELDS} | {"files": np.zeros(0, np.uint8)}
    nothing = {name: fields[name][:0] for name in ("labels", "answers", "confidences")}
    return {
        "cut": whole[:-500],
        "empty": b"",
        "text": b"no archive",
        "short": packed(labels=sheet.labels),
        "odd": packed(**{**fields, "labels": sheet.labels[:-1]}),
        "number": packed(**{**fields, "labels": sheet.labels[0]}),
        "none": packed(**{**fields, **nothing}),
        "negative": packed(**{**fields, "labels": -1 - sheet.labels}),
        "pictures": packed(**{**fields, "wrong_images": sheet.wrong_images[0]}),
        "files": packed(**{**fields, "files": np.frombuffer(b"one.png", np.uint8)}),
    }


@pytest.mark.parametrize(
    "kind", ["cut", "empty", "text", "short", "odd", "number", "none", "negative", "pictures", "files"]
)
def test_damage_is_said(sheet, kind):
    with pytest.raises(RunError, match=r"answers\.npz is damaged .*\. Copy the run folder again\."):
        answers.parse(damaged(sheet)[kind], "answers.npz")
