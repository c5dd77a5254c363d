"""TensorBoard and wandb, read back from the files they write."""

import json
import shutil
import struct
import sys
from collections import defaultdict
from importlib.util import find_spec

import pytest

import inksight
from inksight.callbacks import Callback

SMALL = {"net": "strided", "filters": 8, "batch_size": 100, "epochs": 3}
READ = """
import json, sys
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
events = EventAccumulator(sys.argv[1]).Reload()
tags = events.Tags()
scalars = {tag: [[each.step, each.value] for each in events.Scalars(tag)] for tag in tags["scalars"]}
print(json.dumps({"scalars": scalars, "images": tags["images"], "tensors": tags["tensors"]}))
"""


class PowerCut(Callback):
    """Breaks off after the second epoch."""

    def epoch(self, number, epochs, row):
        if number == 2:
            raise RuntimeError("a power cut")


def course(run):
    """The history, by name."""
    found = defaultdict(list)
    for row in run.history:
        for name, value in row.items():
            found[name].append([int(row["step"]), value])
    del found["step"]
    return found


@pytest.fixture
def events(command):
    """What TensorBoard's own reader finds in a folder."""

    def read(folder):
        import subprocess

        program = [sys.executable, "-W", "ignore", "-c", READ, str(folder)]
        done = subprocess.run(program, capture_output=True, text=True, timeout=100)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    return read


@pytest.mark.slow
@pytest.mark.skipif(find_spec("tensorboard") is None, reason="tensorboard is not installed")
def test_tensorboard_has_each_row_once_even_after_a_break(here, small_npz, monkeypatch, events, command):
    monkeypatch.setenv("INKSIGHT_CHECKPOINT_S", "0")
    with pytest.raises(RuntimeError, match="a power cut"):
        inksight.train(small_npz, track="tensorboard", callback=PowerCut(), **SMALL)
    folder = here / "runs/tensorboard/small-quick-1"
    live = events(folder)["scalars"]
    assert len(live["val_accuracy"]) >= 2 and "test_accuracy" not in live
    run = inksight.resume("latest")
    for _ in range(2):
        found = events(folder)
        for name, points in course(run).items():
            steps, values = zip(*points, strict=True)
            assert [step for step, _ in found["scalars"][name]] == [*steps]
            assert [value for _, value in found["scalars"][name]] == pytest.approx(values, rel=1e-6)
        assert found["scalars"]["test_accuracy"][0][1] == pytest.approx(run.metrics["test"]["accuracy"])
        assert {"confusion", "errors", "curves"} == set(found["images"])
        assert "card/text_summary" in found["tensors"]
        assert len(list(folder.iterdir())) == 1 and [path.name for path in folder.parent.iterdir()] == [folder.name]
        done = command(here, "track", str(run.path), "--to", "tensorboard")
        assert done.returncode == 0, done.stderr
        assert f"tensorboard has {run.path}: tensorboard --logdir" in done.stderr


def records(path):
    """The records of a file of wandb's: LevelDB's log format, https://github.com/google/leveldb/blob/main/doc/log_format.md."""
    from wandb.proto import wandb_internal_pb2

    content, position, parts = path.read_bytes(), 7, b""
    while position + 7 <= len(content):
        if 32768 - position % 32768 < 7:
            position += 32768 - position % 32768
            continue
        length, kind = struct.unpack_from("<HB", content, position + 4)
        parts += content[position + 7 : position + 7 + length]
        position += 7 + length
        if kind in (1, 4):
            record = wandb_internal_pb2.Record()
            record.ParseFromString(parts)
            parts = b""
            yield record


@pytest.mark.skipif(find_spec("wandb") is None, reason="wandb is not installed")
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.slow
def test_wandb_offline(here, quick_run, command, monkeypatch):
    shutil.copytree(quick_run.path, here / "mine")
    monkeypatch.setenv("WANDB_MODE", "offline")
    done = command(here, "track", "mine", "--to", "wandb", "--json")
    assert done.returncode == 0, done.stderr
    (file,) = here.glob("wandb/offline-run-*/*.wandb")
    assert json.loads(done.stdout)["where"] == f"wandb sync {file.parent}"
    rows, config, summary, files = [], {}, {}, set()
    for record in records(file):
        if record.HasField("run"):
            config |= {each.key: json.loads(each.value_json) for each in record.run.config.update}
            assert (record.run.project, record.run.display_name) == ("inksight", "mine")
        rows += [{(each.key or each.nested_key[0]): json.loads(each.value_json) for each in record.history.item}] * (
            record.HasField("history")
        )
        summary |= {(each.key or each.nested_key[0]): each.value_json for each in record.summary.update}
        files |= {each.path for each in record.request.log_artifact.artifact.manifest.contents}
        files |= {each.path for each in record.artifact.manifest.contents}
    assert config["preset"] == "quick" and config["data.sha256"] == quick_run.config["data"]["sha256"]
    assert [row["_step"] for row in rows] == [int(row["step"]) for row in quick_run.history]
    for row, wanted in zip(rows, quick_run.history, strict=True):
        assert {name: row[name] for name in wanted if name != "step"} == pytest.approx(
            {name: value for name, value in wanted.items() if name != "step"}
        )
    assert float(summary["test_accuracy"]) == quick_run.metrics["test"]["accuracy"]
    assert files == {path.name for path in quick_run.path.iterdir()}
