"""Real runs against each other: what is told is what their answers say, and what cannot be compared is refused."""

import html
import json
import shutil

import numpy as np
import pytest
from PIL import Image

import inksight
from inksight.errors import UsageError
from inksight.evaluation.compare import compare
from inksight.report.versus import versus_page


@pytest.fixture(scope="module")
def comparison(quick_run, digit_run):
    return compare([quick_run.path, digit_run])


def test_it_says_who_is_right_where(comparison, quick_run, digit_run, mnist):
    labels = mnist.test.labels
    first, second = (
        inksight.Predictor.load(path).probabilities(mnist.test.images).argmax(1) == labels
        for path in (quick_run.path, digit_run)
    )
    found = comparison.pairings[0]
    assert found.only_first.tolist() == np.flatnonzero(first & ~second).tolist()
    assert found.only_second.tolist() == np.flatnonzero(second & ~first).tolist()
    assert found.duel.difference == pytest.approx(second.mean() - first.mean())


def test_a_large_difference_is_called_one(comparison, quick_run):
    found = comparison.pairings[0]
    assert not found.is_noise
    assert found.verdict.startswith(f"{quick_run.path.name} is better by ")
    assert "p < 0.0001" in found.verdict


def test_costs_stand_beside_it(comparison, quick_run):
    first, second = (each.to_dict() for each in comparison.contenders)
    assert first["seconds"] == quick_run.metrics["seconds"]["total"]
    assert first["parameters"] == quick_run.metrics["parameters"]
    assert first["multiply_adds"] == quick_run.metrics["multiply_adds"]
    assert first["onnx_bytes"] == (quick_run.path / "model.onnx").stat().st_size
    assert second["seconds"] is None


def nudged(path, copy, count):
    """A copy of a run that has other answers for its first pictures: right where it was wrong, wrong where right."""
    shutil.copytree(path, copy)
    run = inksight.load_run(copy)
    sheet = run.answers
    turned = np.r_[np.flatnonzero(sheet.right)[:count], sheet.wrong[: count - 1]]
    answers = sheet.answers.copy()
    answers[turned] = np.where(sheet.right[turned], (sheet.labels[turned] + 1) % 10, sheet.labels[turned])
    inksight.runs.write_answers(copy, type(sheet)(**{**vars(sheet), "answers": answers}))
    return copy


def test_a_small_difference_is_called_noise(quick_run, tmp_path):
    other = nudged(quick_run.path, tmp_path / "other", 12)
    found = compare([quick_run.path, other]).pairings[0]
    assert (found.duel.only_first, found.duel.only_second) == (12, 11)
    assert found.is_noise
    assert found.verdict.startswith("Noise: ")
    assert "cannot be told from 10,000 pictures" in found.verdict


def test_the_same_answers_are_called_the_same(quick_run, tmp_path):
    shutil.copytree(quick_run.path, tmp_path / "twin")
    found = compare([quick_run.path, tmp_path / "twin"]).pairings[0]
    assert found.verdict.endswith("are right and wrong on the very same pictures.")


def test_every_two_of_three_and_the_shipped_one(quick_run, digit_run):
    three = compare([quick_run.path, digit_run, "shipped"])
    assert [(each.first.name, each.second.name) for each in three.pairings] == [
        (quick_run.path.name, digit_run.name),
        (quick_run.path.name, "shipped"),
        (digit_run.name, "shipped"),
    ]
    assert all(each.p_adjusted >= each.duel.p for each in three.pairings)


def test_other_data_makes_other_pictures(quick_run, digit_run, small_npz, small_mnist):
    found = compare([quick_run.path, digit_run], small_npz)
    assert [len(each.answers) for each in found.contenders] == [500, 500]
    assert found.contenders[0].accuracy == pytest.approx(
        inksight.evaluate(quick_run.path, small_npz).metrics()["accuracy"]
    )


def test_different_tests_are_refused_and_say_what_differs(quick_run, small_npz, tmp_path):
    other = inksight.train(small_npz, "quick", epochs=1, out=tmp_path / "other").path
    with pytest.raises(UsageError, match=r"were tested on different pictures: 10,000 of mnist .*, and 500 of .*--data"):
        compare([quick_run.path, other])


def test_different_classes_are_refused(quick_run, colour_run, tmp_path):
    colours = shutil.copytree(colour_run, tmp_path / "colours")
    inksight.runs.write_answers(colours, quick_run.answers)
    with pytest.raises(UsageError, match=r"know different classes: 0, 1, .*, and red, green, blue\. Compare runs of"):
        compare([quick_run.path, colours])


@pytest.mark.parametrize(
    ("runs", "message"), [(["shipped"], "1 run came; two or more"), (["shipped"] * 2, "given twice")]
)
def test_too_few_are_refused(runs, message):
    with pytest.raises(UsageError, match=message):
        compare(runs)


def test_the_command_prints_tables_json_and_a_page(quick_run, digit_run, command, tmp_path):
    runs = (str(quick_run.path), str(digit_run))
    done = command(tmp_path, "compare", *runs, "--out", "versus.html", "--json")
    assert done.returncode == 0, done.stderr
    answer = json.loads(done.stdout)
    assert [each["errors"] for each in answer["runs"]] == [
        quick_run.metrics["test"]["errors"],
        len(inksight.evaluate(digit_run).wrong),
    ]
    pair = answer["pairs"][0]
    page = (tmp_path / "versus.html").read_text()
    assert html.escape(pair["verdict"]) in page
    assert all(f'<small title="mnist:test/{index}">' in page for index in pair["only_second"])
    told = command(tmp_path, "compare", *runs)
    assert pair["verdict"] in told.stdout
    assert f"only {digit_run.name} is right: mnist:test/{pair['only_second'][0]}" in told.stdout


def test_the_page_has_the_pictures_that_only_one_gets(comparison):
    text = versus_page(comparison)
    found = comparison.pairings[0]
    assert text.count('alt="test picture') == min(300, len(found.only_first)) + len(found.only_second)
    assert f"and {len(found.only_first) - 300:,} more." in text


@pytest.fixture(scope="module")
def split_apart(small_mnist, tmp_path_factory):
    """Two runs of a folder without a test part: each seed takes another one from it."""
    place = tmp_path_factory.mktemp("apart")
    for index, (image, label) in enumerate(zip(small_mnist.train.images[:600], small_mnist.train.labels, strict=False)):
        kind = place / "own" / str(label)
        kind.mkdir(parents=True, exist_ok=True)
        Image.fromarray(image).save(kind / f"{index}.png")
    return place, [
        inksight.train(place / "own", "quick", epochs=1, seed=seed, out=place / f"seed{seed}" / "run").path
        for seed in (0, 1)
    ]


def test_other_test_parts_of_the_same_data_are_other_pictures(split_apart):
    _, paths = split_apart
    with pytest.raises(UsageError, match="were tested on different pictures"):
        compare(paths)


@pytest.mark.slow
def test_pictures_of_another_size_are_only_the_same_for_one_part_of_one_set(split_apart):
    place, (first, _) = split_apart
    larger = inksight.train(place / "own", "quick", epochs=1, seed=1, size_px=32, out=place / "larger").path
    assert (inksight.load_run(first).answers.labels == inksight.load_run(larger).answers.labels).all()
    with pytest.raises(UsageError, match="were tested on different pictures: 121 of own at 28 px .* at 32 px"):
        compare([first, larger])
    asked = compare([first, larger], place / "own")
    assert [len(each.answers) for each in asked.contenders] == [121, 121]


def test_who_has_learned_from_the_pictures_is_told_and_names_are_told_apart(split_apart, command):
    place, paths = split_apart
    found = compare(paths, place / "own")
    assert found.contenders[0].answers.sha256 == found.contenders[1].answers.sha256
    assert found.contenders[0].warning is None
    assert "has learned from some of these pictures" in found.contenders[1].warning
    assert [each.name for each in found.contenders] == [str(path) for path in paths]
    done = command(place, "compare", *map(str, paths), "--data", str(place / "own"), "--json")
    assert "Warning: run was trained on" in done.stderr
    assert json.loads(done.stdout)["runs"][1]["warning"] == found.contenders[1].warning
