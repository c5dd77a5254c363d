"""The report of real runs: all that is asked of it stands in it, from the run folder alone, in one file."""

import html
import json
import re
import shutil

import numpy as np
import pytest
from PIL import Image

import inksight
from inksight.errors import DataError, RunError, StorageError
from inksight.explanation.tint import overlay
from inksight.report.account import Account, account_of
from inksight.report.model_card import readme
from inksight.report.page import page
from inksight.report.report import attributions_of, figures_of, write_report
from inksight.report.wrong import wrong_section
from inksight.runs import SHIPPED, load_model_card, load_run
from inksight.runs.answers import AnswerSheet

ABSENT = {"precision": None, "recall": None, "f1": None, "images": 0}


@pytest.fixture
def copied(quick_run, tmp_path):
    """A run folder to change."""
    shutil.copytree(quick_run.path, tmp_path / "run")
    return tmp_path / "run"


@pytest.fixture(scope="module")
def small_run(small_mnist, tmp_path_factory):
    """A run of a small set."""
    folder = tmp_path_factory.mktemp("small")
    train, test = small_mnist.train, small_mnist.test
    np.savez(folder / "d.npz", x_train=train.images, y_train=train.labels, x_test=test.images, y_test=test.labels)
    return inksight.train(folder / "d.npz", "quick", epochs=2, out=folder / "run").path


@pytest.fixture
def orphan(small_run):
    """The same while its data is away."""
    data = small_run.parent / "d.npz"
    data.rename(data.with_suffix(".away"))
    yield small_run
    data.with_suffix(".away").rename(data)


def words(text: str) -> str:
    """What a page says, without its pictures and marks."""
    return " ".join(html.unescape(re.sub(r"<style>.*?</style>|<[^>]*>", " ", text, flags=re.DOTALL)).split())


def test_every_training_writes_one(quick_run):
    text = (quick_run.path / "report.html").read_text()
    shown, metrics = words(text), quick_run.metrics
    test = metrics["test"]
    for wanted in (
        f"{test['accuracy']:.2%} right on 10,000 test pictures",
        "95 % interval {:.2%} to {:.2%}".format(*test["interval95"]),
        f"{metrics['parameters']:,}",
        f"{metrics['multiply_adds']:,}",
        quick_run.config["command"],
        quick_run.config["versions"]["keras"],
        quick_run.config["machine"]["processor"],
        quick_run.config["data"]["sha256"],
        quick_run.card.provenance["command"],
        quick_run.answers.sha256,
        *(layer["name"] for layer in metrics["layers"]),
        *(f"{score['recall']:.2%}" for score in test["per_class"].values()),
    ):
        assert wanted in shown


def test_every_wrong_answer_is_there_with_its_picture_and_reason(quick_run):
    text, answers = (quick_run.path / "report.html").read_text(), quick_run.answers
    cells = re.findall(
        r'<b>([^<]*) → ([^<]*)</b><span>(\d+)%</span><small title="mnist:test/(\d+)">mnist:test/\4</small>', text
    )
    assert [int(index) for *_, index in cells] == answers.wrong.tolist()
    for true, given, sure, index in cells:
        place = int(index)
        assert (int(true), int(given)) == (answers.labels[place], answers.answers[place])
        assert int(sure) == round(100 * float(answers.confidences[place]))
    assert text.count('alt="what spoke for') == len(cells)


def test_it_is_one_small_file_that_asks_nothing_of_any_network(quick_run):
    text = (quick_run.path / "report.html").read_text()
    assert len(text) < 3_000_000
    addresses = re.findall(r'(?:src|href)="([^"]*)"|url\(([^)]*)\)', text)
    assert addresses
    assert all(one.startswith("data:image/png;base64,") for one, _ in addresses)
    assert "<script" not in text


def test_written_anew_it_says_the_same(copied):
    before = (copied / "report.html").read_text()
    (copied / "report.html").unlink()
    assert write_report(copied) == copied / "report.html"
    assert words((copied / "report.html").read_text()) == words(before).replace("mnist-quick-1", "run")


def test_it_needs_no_data(orphan, command):
    done = command(orphan.parent, "report", "run", "--out", "page.html", "--json")
    assert done.returncode == 0, done.stderr
    answer = json.loads(done.stdout)
    text = (orphan.parent / "page.html").read_text()
    assert answer == {"run": "run", "report": "page.html", "bytes": len(text.encode())}
    assert text.count('alt="test picture') == len(load_run(orphan).answers.wrong)


@pytest.fixture(scope="module")
def folder_run(small_mnist, tmp_path_factory):
    """A run of a folder of files, a few of them under a wrong label: (the run, the folder)."""
    root = tmp_path_factory.mktemp("files") / "my digits"
    for name, part in (("train", small_mnist.train), ("test", small_mnist.test)):
        for index in range(200):
            label = int(part.labels[index] + (name == "test" and index < 3)) % 10
            (root / name / f"d {label}").mkdir(parents=True, exist_ok=True)
            Image.fromarray(part.images[index]).save(root / name / f"d {label}" / f"{name[:2]}-{index}.png")
    return inksight.train(root, "quick", epochs=1, least_steps=100, out=root.parent / "run"), root


@pytest.mark.slow
def test_wrong_pictures_are_called_by_their_files_when_the_data_is_gone_too(folder_run, command):
    run, root = folder_run
    wrong = {f"test/d {int(label) + 1}/te-{index}.png" for index, label in enumerate("721")}
    done = command(root.parent, "evaluate", "run", "--json", "--out", "figures")
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)["wrong"]
    assert wrong <= {row["file"] for row in told}
    files = inksight.load(root).test.files
    assert all(files[row["index"]] == row["file"] and row["file"].startswith(f"test/{row['label']}/") for row in told)
    assert run.answers.files == files
    before = (run.path / "report.html").read_text()
    root.rename(root.parent / "away")
    page = write_report(run.path).read_text()
    (root.parent / "away").rename(root)
    assert words(page) == words(before)
    for name in wrong:
        assert f'<small title="{name}">{name.rpartition("/")[2]}</small>' in page
    assert "its confidence, and the picture's file." in words(page)


def test_an_explanation_names_the_files_of_training_pictures(folder_run, command):
    _, root = folder_run
    done = command(root.parent, "explain", f"{root}:train/7", "--model", "run", "--json")
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    files = inksight.load(root).train.files
    assert told["source"] == f"{root}:train/7" and told["neighbours"][0]["index"] == 7
    assert all(files[each["index"]] == each["file"] for each in told["neighbours"])
    assert f"this very picture is a training picture, {files[7]}." in told["notes"]
    said = command(root.parent, "explain", f"{root}:train/7", "--model", "run").stdout
    assert f"it looks like the training pictures {files[7]}, train/d " in said


def test_a_run_that_kept_no_answers_is_asked_again(copied):
    (copied / "answers.npz").unlink()
    text = write_report(copied).read_text()
    assert "This run kept no answers; its test pictures were asked again." in text
    assert text.count('alt="test picture') == load_run(copied).metrics["test"]["errors"]


def test_without_answers_and_data_it_says_what_is_missing(orphan, tmp_path):
    shutil.copytree(orphan, tmp_path / "run")
    (tmp_path / "run" / "answers.npz").unlink()
    with pytest.raises(DataError, match=r"no data at .*d\.npz: there is no such file"):
        write_report(tmp_path / "run")


def test_what_suites_found_is_kept_and_shown(small_run, tmp_path, command):
    copied = shutil.copytree(small_run, tmp_path / "run")
    found = command(tmp_path, "evaluate", "run", "--suite", "corruptions", "--json")
    assert found.returncode == 0, found.stderr
    assert "Kept in run: inksight report run shows it." in found.stderr
    rows = json.loads(found.stdout)["corruptions"]
    shown = words(write_report(copied).read_text())
    assert f"{rows['mean_error']:.2%} wrong on average" in shown
    assert f"glass blur {rows['glass_blur']['error']:.2%}" in shown
    assert load_run(copied).suites["corruptions"] == rows


def test_the_shipped_model_has_one(tmp_path):
    text = words(write_report("shipped", tmp_path / "shipped.html").read_text())
    assert f"{load_model_card(SHIPPED).provenance['test']['accuracy']:.2%} right on 10,000 test pictures" in text
    assert "How it learned" not in text


def test_names_of_classes_are_text(quick_run, tmp_path):
    account = account_of(quick_run.path)
    answers = account.answers
    shifted = AnswerSheet(**vars(answers))
    card = account.predictor.card
    named = inksight.Predictor(
        account.predictor.content,
        type(card)(**{**vars(card), "classes": ("<b>", *card.classes[1:])}),
        "model",
    )
    test = {**account.metrics["test"], "per_class": {"<b>": account.metrics["test"]["per_class"]["0"]}}
    odd = Account("<i>", named, shifted, account.config, {**account.metrics, "test": test})
    text = page(odd, figures_of(odd), attributions_of(odd))
    assert "<td><b></td>" not in text
    assert "&lt;b&gt; → " in text
    assert "<h1>&lt;i&gt;</h1>" in text


def test_of_many_classes_the_worst_are_told_in_words(quick_run, many_run):
    """Thirty, ten pictures each; of row 0 five are taken for row 7."""
    account, knowing = account_of(quick_run.path), inksight.Predictor.load(many_run)
    names = knowing.card.classes
    labels = np.arange(300) % 30
    given = labels.copy()
    given[:150:30] = 7
    wrong = AnswerSheet(labels, given, np.full(300, 0.9, np.float32), "", np.zeros((5, 15, 15), np.uint8), labels[:0])
    per_class = {name: {"precision": 1.0, "recall": 1.0, "f1": 1.0, "images": 10} for name in names}
    per_class["row 0"]["recall"] = 0.5
    per_class["row 1"] = ABSENT
    metrics = {**account.metrics, "test": {**account.metrics["test"], "per_class": per_class}}
    many = Account("r", knowing, wrong, account.config, metrics)
    shown = words(page(many, figures_of(many), []))
    assert "The commonest mistakes: true answer times of the true class row 0 row 7 5 50.0% Class by class" in shown
    assert "Each class counted alike, 98.28% are recognised; least of all row 0 50.00%" in shown
    assert "precision recall F1 pictures row 0 100.00% 50.00%" in shown
    assert shown.index("The other 15 classes") < shown.index("column 14 100.00%") < shown.index("row 1 – – – 0")


def test_a_class_without_test_pictures_has_no_rates_on_the_page_and_the_card(quick_run):
    account = account_of(quick_run.path)
    test = account.metrics["test"]
    per_class = {**test["per_class"], "7": ABSENT}
    metrics = {**account.metrics, "test": {**test, "per_class": per_class}}
    odd = Account("r", account.predictor, account.answers, account.config, metrics)
    assert "7 – – – 0" in words(page(odd, figures_of(odd), []))
    assert "| 7 | 0 | – | – | – |" in readme("r", account.config, odd.metrics, account.predictor.card)


def test_of_very_many_mistakes_the_rest_is_listed(mnist, quick_run):
    account = account_of(quick_run.path)
    count = 6000
    labels, given = np.zeros(count, np.int64), np.ones(count, np.int64)
    images = mnist.test.images[:count]
    worst = AnswerSheet(labels, given, np.full(count, 0.5, np.float32), "", images, images[:0])
    text = "".join(
        wrong_section(Account("r", account.predictor, worst, {}, {}), [np.ones((28, 28), np.float32)] * count)
    )
    assert len(text) < 2_000_000
    pictured = text.count('alt="test picture')
    assert 500 < pictured < count
    assert f"The first {pictured:,} of {count:,}" in text
    assert f"{count - pictured:,} more wrong answers, without pictures" in text
    assert f"and {count - pictured - 2000:,} more" in text


def test_no_mistakes_are_no_trouble(quick_run):
    account = account_of(quick_run.path)
    answers = account.answers
    right = AnswerSheet(
        answers.labels, answers.labels, answers.confidences, "", answers.wrong_images[:0], answers.examples
    )
    perfect = Account("r", account.predictor, right, account.config, account.metrics)
    assert "every test picture was answered right" in page(perfect, figures_of(perfect), attributions_of(perfect))


def test_the_overlay_is_blue_where_it_speaks_for_the_answer():
    attribution = np.zeros((28, 28), np.float32)
    attribution[4, 4], attribution[9, 9] = 2.0, -2.0
    red, _, blue = overlay(np.zeros((28, 28, 1), np.uint8), attribution).transpose(2, 0, 1).astype(int)
    assert blue[4, 4] > red[4, 4] + 100
    assert red[9, 9] > blue[9, 9] + 100
    assert red[0, 0] == blue[0, 0] == 255


def test_a_place_that_takes_no_file_is_said(quick_run, tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(StorageError, match="could not be written"):
        write_report(quick_run.path, tmp_path / "file" / "report.html")


def test_no_run_is_said(tmp_path):
    with pytest.raises(RunError, match='no run ".*nowhere": there is no such folder'):
        write_report(tmp_path / "nowhere")


def test_out_of_time_pictures_stand_without_reasons(quick_run):
    account = account_of(quick_run.path)
    few = attributions_of(account, most_s=0)
    assert 0 < len(few) <= 50
    text = "".join(wrong_section(account, few[:7]))
    assert text.count('alt="what spoke for') == 7
    assert text.count('alt="test picture') == len(account.answers.wrong)
