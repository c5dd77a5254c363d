"""The model card: read back by the Hugging Face Hub's own reader, and its code run."""

import json
import re
import shutil
import subprocess
import sys

import pytest

import inksight
from inksight.errors import RunError
from inksight.report.model_card import readme, without_paths

BLOCKS = re.compile(r"^```python\n(.*?)^```$", re.MULTILINE | re.DOTALL)


@pytest.fixture
def copy(quick_run, tmp_path):
    """A copy of a real run that a test may damage."""
    return shutil.copytree(quick_run.path, tmp_path / "runs" / "copy")


@pytest.mark.slow
def test_a_training_leaves_a_card_that_the_hub_reads(quick_run):
    ModelCard = pytest.importorskip("huggingface_hub").ModelCard
    card = ModelCard.load(quick_run.path / "README.md", ignore_metadata_errors=False)
    metadata, test = card.data, quick_run.metrics["test"]
    assert (metadata.license, metadata.library_name) == ("cc-by-sa-3.0", "inksight")
    assert (metadata.datasets, metadata.metrics) == (["ylecun/mnist"], ["accuracy"])
    assert {"image-classification", "onnx", "keras"} == set(metadata.tags)
    assert metadata.pipeline_tag == "image-classification" and metadata.model_name == "mnist-quick-1"
    (result,) = metadata.eval_results
    assert (result.task_type, result.dataset_type, result.dataset_split) == (
        "image-classification",
        "ylecun/mnist",
        "test",
    )
    assert (result.metric_type, result.metric_value) == ("accuracy", pytest.approx(test["accuracy"], abs=1e-6))
    low, high = (f"{100 * rate:.2f} %" for rate in test["interval95"])
    assert f"(95 % interval {low} to {high}; {test['errors']} are wrong)" in card.text
    assert f"off by {100 * test['ece']:.2f} % on average" in card.text
    for name, score in test["per_class"].items():
        assert f"| {name} | {score['images']:,} | {100 * score['recall']:.2f} % |" in card.text
    assert "inksight train mnist --preset quick" in card.text


def test_its_code_runs_in_the_run_folder(quick_run):
    blocks = BLOCKS.findall((quick_run.path / "README.md").read_text())
    assert len(blocks) == 2
    for block in blocks:
        done = subprocess.run([sys.executable, "-c", block], cwd=quick_run.path, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
    assert (
        "(1, 10)"
        in subprocess.run([sys.executable, "-c", blocks[0]], cwd=quick_run.path, capture_output=True, text=True).stdout
    )


def test_an_old_run_gets_the_same_card_by_the_command(quick_run, copy, command, tmp_path):
    (copy / "README.md").unlink()
    done = command(tmp_path, "card", "runs/copy", "--json")
    assert done.returncode == 0, done.stderr
    size = (copy / "README.md").stat().st_size
    assert json.loads(done.stdout) == {"run": "runs/copy", "card": "runs/copy/README.md", "bytes": size}
    said = (quick_run.path / "README.md").read_text().replace("mnist-quick-1", "copy")
    assert (copy / "README.md").read_text() == said
    inksight.write_readme(copy, tmp_path / "card.md", license="apache-2.0")
    assert 'license: "apache-2.0"' in (tmp_path / "card.md").read_text()


@pytest.mark.slow
def test_no_path_of_this_machine_and_no_strange_name_gets_through(quick_run):
    ModelCard = pytest.importorskip("huggingface_hub").ModelCard
    config = json.loads(json.dumps(quick_run.config))
    name = 'Zoë\'s "set": #1\u0085 | x'
    config["data"] |= {"name": name, "source": "/home/zoe/secret/set", "license": None}
    config["command"] = (
        "inksight train /home/zoe/secret/set --config '/home/zoe/my recipes/fast.json' --finetune runs/a"
    )
    text = readme("my-run", config, quick_run.metrics, quick_run.card)
    assert "zoe/" not in text and "secret" not in text
    assert "inksight train set --config fast.json --finetune a" in text
    data = ModelCard(text, ignore_metadata_errors=False).data
    assert (data.license, data.datasets, data.eval_results[0].dataset_name) == ("unknown", [name], name)


def test_paths_of_windows_are_paths():
    assert without_paths(r"inksight train 'C:\Users\Ada\digits\' --seed 3") == "inksight train digits --seed 3"


@pytest.mark.parametrize("accuracy", [None, float("nan"), "good"])
def test_a_card_without_accuracy_is_refused(copy, accuracy):
    metrics = json.loads((copy / "metrics.json").read_text())
    metrics["test"]["accuracy"] = accuracy
    (copy / "metrics.json").write_text(json.dumps(metrics))
    before = (copy / "README.md").read_bytes()
    with pytest.raises(RunError, match=f"copy has no accuracy on a test part .metrics.json says {accuracy}"):
        inksight.write_readme(copy)
    assert (copy / "README.md").read_bytes() == before


@pytest.mark.parametrize(
    "file, change, text",
    [
        ("metrics.json", lambda said: said.update(test={"accuracy": 0.9}), r"is damaged .KeyError.'interval95'"),
        ("metrics.json", lambda said: said.update(test=None), "has no accuracy on a test part"),
        ("metrics.json", lambda said: said.update(test=[0.9]), "has no accuracy on a test part"),
        ("metrics.json", lambda said: said["test"].update(interval95=0.9), "is damaged .TypeError"),
        ("metrics.json", lambda said: said["test"].update(per_class=["a"]), "is damaged .AttributeError"),
        ("metrics.json", lambda said: said.update(parameters="many"), "is damaged .ValueError"),
        ("config.json", lambda said: said.update(data=None), "is damaged .AttributeError"),
    ],
)
def test_of_damaged_files_no_card_is_made_and_nothing_pushed(copy, tmp_path, file, change, text):
    said = json.loads((copy / file).read_text())
    change(said)
    (copy / file).write_text(json.dumps(said))
    with pytest.raises(RunError, match=text):
        inksight.write_readme(copy)
    with pytest.raises(RunError, match=text):
        inksight.push(copy, tmp_path / "shared")
    assert not (tmp_path / "shared").exists()


@pytest.mark.parametrize("source", ["/home/zoe/mnist", "mnist"])
def test_a_folder_called_mnist_is_not_that_of_the_hub(quick_run, source):
    """By a path, or in Python by Path("mnist")."""
    config = json.loads(json.dumps(quick_run.config))
    config["data"] |= {"name": "mnist", "source": source, "license": None}
    text = readme("my-run", config, quick_run.metrics, quick_run.card)
    assert "ylecun" not in text and 'datasets:\n- "mnist"\n' in text


def test_what_was_measured_later_is_in_it(copy):
    (copy / "suites.json").write_text(json.dumps({"corruptions": {"mean_error": 0.1234}}))
    assert "12.34 % are wrong on average" in inksight.write_readme(copy).read_text()
