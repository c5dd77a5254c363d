"""Batches on a real Ray cluster: every picture a row, whatever is wrong with it, and whatever is killed."""

import json
import os
import subprocess
import sys
import time
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import inksight
from inksight.errors import DataError, EngineError, RunError, StorageError, UsageError
from inksight.inference.batch import shard as shards

pytestmark = [pytest.mark.cluster, pytest.mark.skipif(find_spec("ray") is None, reason="ray is not installed")]

pandas = pytest.importorskip("pandas")
pa = pytest.importorskip("pyarrow")
pq = pytest.importorskip("pyarrow.parquet")


PICTURES = 2400
QUICK_TO_MISS = {"RAY_health_check_period_ms": "500", "RAY_health_check_failure_threshold": "2"}  # else 15 s


@pytest.fixture(scope="module")
def pictures(tmp_path_factory, mnist):
    """A folder of real digits in folders: names by their index."""
    root = tmp_path_factory.mktemp("batch") / "pictures"
    for index in range(PICTURES):
        place = root / f"{index // 800}"
        place.mkdir(parents=True, exist_ok=True)
        Image.fromarray(mnist.test.images[index]).save(place / f"{index:05}.png")
    return root


@pytest.fixture(scope="module")
def expected(pictures, digit_run):
    """What Predictor.predict says of each of them, by path."""
    reader = inksight.Predictor.load(digit_run)
    return {str(path): reader.predict(path) for path in sorted(pictures.rglob("*.png"))}


@pytest.fixture
def small_shards(monkeypatch):
    monkeypatch.setattr("inksight.inference.batch.listing.PICTURES", 100)


def require_same(table, expected):
    """Each picture once, with the oracle's answer, in the source's order."""
    rows = table.to_pylist()
    assert [row["source"] for row in rows] == list(expected)
    for row, answer in zip(rows, expected.values(), strict=True):
        assert (row["verdict"], row["label"], row["error"]) == (answer.verdict, answer.label, None)
        assert row["confidence"] == answer.confidence
        assert row["probabilities"] == list(answer.probabilities.values())
        assert row["notes"] == list(answer.notes)


def test_a_folder_becomes_one_file_with_the_answers_of_predict(address, pictures, expected, digit_run, tmp_path):
    batch = inksight.predict_batch(pictures, tmp_path / "a.parquet", model=digit_run, ray_address=address)
    assert (batch.pictures, batch.errors, batch.workers, batch.resumed_from) == (PICTURES, 0, 2, 0)
    require_same(pq.read_table(tmp_path / "a.parquet"), expected)
    assert [path.name for path in tmp_path.iterdir()] == ["a.parquet"]
    metadata = pq.read_schema(tmp_path / "a.parquet").metadata
    assert json.loads(metadata[b"inksight.classes"]) == list("0123456789")
    assert json.loads(metadata[b"inksight.training.provenance"])["data"]["name"] == "mnist"
    assert (
        metadata[b"inksight.model_sha256"].decode() == json.loads((digit_run / "model.json").read_text())["onnx_sha256"]
    )
    frame = pandas.read_parquet(tmp_path / "a.parquet")
    assert frame["source"].is_unique and len(frame) == PICTURES
    assert (frame["probabilities"].map(np.argmax).astype(str) == frame["label"]).all()


def test_a_bad_picture_is_a_row_with_its_error(address, mnist, digit_run, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    root = Path("mixed")
    (root / "below" / ".hidden").mkdir(parents=True)
    good = root / "good.png"
    Image.fromarray(mnist.test.images[0]).save(good)
    Image.fromarray(mnist.test.images[1]).save(root / "below" / ".hidden" / "no.png")
    (root / "cut.png").write_bytes(good.read_bytes()[:150])
    (root / "empty.png").write_bytes(b"")
    (root / "text.jpg").write_text("no picture at all")
    (root / "notes.txt").write_text("not asked")
    Image.new("1", (8000, 4000)).save(root / "huge.png")
    Image.new("L", (200, 200), 255).save(root / "blank.png")
    Image.new("L", (28, 28)).save(root / "anim.gif", save_all=True, append_images=[Image.new("L", (28, 28), 255)])
    (root / "dangling.png").symlink_to("nowhere")
    (root / "folder.png").mkdir()
    odd = os.fsencode(root / "below") + b"/caf\xe9 \n#.png"
    Path(os.fsdecode(odd)).write_bytes(good.read_bytes())
    with open(root / "vast.png", "wb") as file:
        file.truncate(shards.MOST_BYTES + 1)
    batch = inksight.predict_batch("mixed", "out.parquet", model=digit_run, ray_address=address)
    rows = {row["source"]: row for row in pq.read_table("out.parquet").to_pylist()}
    good_names = ["mixed/good.png", "mixed/below/caf� \n#.png"]
    assert list(rows) == [
        "mixed/anim.gif",
        *(f"mixed/{name}.png" for name in ("blank", "cut", "empty", "good", "huge")),
        "mixed/text.jpg",
        "mixed/vast.png",
        good_names[1],
    ]
    assert batch.pictures == 9 and batch.errors == sum(row["error"] is not None for row in rows.values()) == 7
    reader = inksight.Predictor.load(digit_run)
    for name, row in rows.items():
        if name in good_names:
            answer = reader.predict(good)
            assert (row["label"], row["confidence"], row["error"]) == (answer.label, answer.confidence, None)
            continue
        assert {row[column] for column in ("verdict", "label", "confidence", "probabilities", "notes")} == {None}
        if name != "mixed/vast.png":
            with pytest.raises(inksight.InksightError, match="picture|MP|damaged|empty|blank") as caught:
                reader.predict(name)
            assert row["error"] == str(caught.value)
    assert "has more than 256 MiB" in rows["mixed/vast.png"]["error"]


def images_of(mnist, count):
    import io

    contents = []
    for image in mnist.test.images[:count]:
        file = io.BytesIO()
        Image.fromarray(image).save(file, "PNG")
        contents.append(file.getvalue())
    return contents


def test_parquet_of_bytes_and_of_hugging_face(address, mnist, digit_run, tmp_path, small_shards):
    contents = images_of(mnist, 500)
    reader = inksight.Predictor.load(digit_run)
    answers = [reader.predict(content) for content in contents]
    root = tmp_path / "tables"
    (root / "more").mkdir(parents=True)
    plain = pa.table({"label": list(range(500)), "thumb": [b"x"] * 500, "image": contents})
    pq.write_table(plain, root / "a.parquet", row_group_size=300)
    struct = pa.array([{"bytes": each, "path": "p"} for each in contents[:150]] + [None, {"bytes": None, "path": "q"}])
    pq.write_table(pa.table({"image": struct}), root / "more" / "b.parquet")
    pq.write_table(pa.table({"image": pa.array([], pa.binary())}), root / "more" / "none.parquet")
    batch = inksight.predict_batch(root, tmp_path / "out.parquet", model=digit_run, ray_address=address)
    assert (batch.pictures, batch.errors) == (652, 2)
    rows = pq.read_table(tmp_path / "out.parquet").to_pylist()
    names = [f"{root}/a.parquet#{index}" for index in range(500)]
    names += [f"{root}/more/b.parquet#{index}" for index in range(152)]
    assert [row["source"] for row in rows] == names
    for row, answer in zip(rows[:650], answers + answers[:150], strict=True):
        assert (row["label"], row["verdict"], row["confidence"]) == (answer.label, answer.verdict, answer.confidence)
    assert [row["error"] for row in rows[650:]] == [
        f"{name} is null; the bytes of a picture were wanted." for name in names[650:]
    ]
    one = inksight.predict_batch(
        root / "a.parquet", tmp_path / "thumbs.parquet", column="thumb", model=digit_run, ray_address=address
    )
    assert (one.pictures, one.errors) == (500, 500)


def test_what_damage_takes_of_a_parquet_file_are_rows_with_errors(address, mnist, digit_run, tmp_path, small_shards):
    path = tmp_path / "a.parquet"
    table = pa.table({"image": images_of(mnist, 300)})
    pq.write_table(table, path, row_group_size=100, compression="zstd", use_dictionary=False)
    place = pq.read_metadata(path).row_group(1).column(0).data_page_offset
    with open(path, "r+b") as file:
        file.seek(place)
        file.write(b"\xff" * 2000)
    batch = inksight.predict_batch(path, tmp_path / "out.parquet", model=digit_run, ray_address=address)
    assert (batch.pictures, batch.errors) == (300, 100)
    errors = pq.read_table(tmp_path / "out.parquet")["error"].to_pylist()
    assert [error is None for error in errors] == [True] * 100 + [False] * 100 + [True] * 100
    assert errors[199].startswith(f"{path}#199 cannot be read: the file is damaged there (")


@pytest.mark.parametrize(
    "columns, wanted, text",
    [
        (
            {"label": [1], "name": ["x"]},
            None,
            r"has no column of pictures.*Its columns: label \(int64\), name \(string\)",
        ),
        (
            {"a": [b"x"], "b": [b"y"]},
            None,
            r"several columns that may hold pictures. Choose one by --column.*a \(binary\)",
        ),
        ({"image": [b"x"]}, "img", r'the column "img" is not there.*Its columns: image \(binary\)'),
        ({"image": [b"x"], "label": [3]}, "label", 'the column "label" holds no bytes'),
    ],
)
def test_a_parquet_file_without_its_pictures_is_refused(tmp_path, columns, wanted, text):
    pq.write_table(pa.table(columns), tmp_path / "t.parquet")
    with pytest.raises(DataError, match=text):
        inksight.predict_batch(tmp_path / "t.parquet", tmp_path / "out.parquet", column=wanted)
    assert [path.name for path in tmp_path.iterdir()] == ["t.parquet"]


@pytest.mark.parametrize(
    "source, out, options, error, text",
    [
        ("nothing", "o.parquet", {}, DataError, "nothing could not be read: there is no such thing"),
        ("empty", "o.parquet", {}, DataError, "no picture in empty: files ending in"),
        ("empty.txt", "o.parquet", {}, UsageError, "is a single file; a folder of pictures, a Parquet file or"),
        ("fake.parquet", "o.parquet", {}, DataError, "fake.parquet is no Parquet file that can be read"),
        (".", "o.csv", {}, UsageError, '--out is "o.csv"; FILE.parquet was wanted, or FOLDER/'),
        (".", "s3://here/o.parquet", {}, UsageError, "behind a URL the result is a folder.*s3://here/o/ for instance"),
        (".", "there.parquet", {}, StorageError, "there.parquet exists already; it is left as it was"),
        ("s3://bucket/digits", "o.parquet", {}, UsageError, "needs a package that is not installed: pip install s3fs"),
        ("nope://x", "o.parquet", {}, UsageError, "nope://x is of a kind that nobody here knows"),
        ("http://127.0.0.1:9/x.png", "o.parquet", {}, UsageError, "over HTTP nothing else can be listed"),
        (".", "o.parquet", {"workers": 0}, UsageError, "workers is 0; a whole number from 1 was wanted"),
    ],
)
def test_wrong_wishes_leave_nothing_behind(tmp_path, monkeypatch, source, out, options, error, text):
    monkeypatch.chdir(tmp_path)
    for name in ("empty.txt", "there.parquet"):
        Path(name).touch()
    Path("empty").mkdir()
    if source == "fake.parquet":
        Path(source).write_text("nothing of the kind")
    before = sorted(os.listdir())
    with pytest.raises(error, match=text):
        inksight.predict_batch(source, out, **options)
    assert sorted(os.listdir()) == before


def test_a_cluster_that_cannot_be_reached_or_is_too_small(address, pictures, tmp_path):
    with pytest.raises(EngineError, match="Ray cannot be reached: 127.0.0.1:9"):
        inksight.predict_batch(pictures, tmp_path / "o.parquet", ray_address="127.0.0.1:9")
    with pytest.raises(UsageError, match="workers is 9; the cluster at .*, 2 nodes, 2 CPUs, has room for 2 at most"):
        inksight.predict_batch(pictures, tmp_path / "o.parquet", ray_address=address, workers=9)
    assert not list(tmp_path.iterdir())


def test_a_node_without_the_folder_says_so(tmp_path):
    from inksight.utils.storage import Store

    with pytest.raises(DataError, match="gone is not on the node .*It must be on all nodes under the same path"):
        list(shards.read_shard(shards.Shard(0, 1, ["a.png"]), Store(str(tmp_path / "gone")), "gone"))


def test_a_node_killed_in_the_middle_loses_and_doubles_nothing(
    nodes, pictures, expected, digit_run, tmp_path, small_shards
):
    nodes.add(cpus=1, **QUICK_TO_MISS)
    victims = [nodes.add(cpus=1), nodes.add(cpus=1)]
    killed = []

    def kill(done, total, what):
        if what == "answering" and done and victims:
            killed.append(done)
            nodes.kill(victims.pop())

    out = tmp_path / "a.parquet"
    batch = inksight.predict_batch(pictures, out, model=digit_run, ray_address=nodes.address, progress=kill)
    assert len(killed) == 2 and killed[1] < PICTURES
    assert (batch.pictures, batch.workers) == (PICTURES, 3)
    require_same(pq.read_table(out), expected)


def test_a_cluster_that_lost_its_last_cpu_is_waited_for_and_says_so(
    nodes, pictures, expected, digit_run, tmp_path, small_shards, monkeypatch
):
    monkeypatch.setattr("inksight.inference.batch.job._LOOKED_S", 1.0)
    nodes.add(cpus=0, **QUICK_TO_MISS)
    victims, waited = [nodes.add(cpus=1)], []

    def look(done, total, what):
        if what == "answering" and done and victims:
            nodes.kill(victims.pop())
        if what == "waiting for a CPU of the cluster" and not waited:
            waited.append(done)
            nodes.add(cpus=1)

    out = tmp_path / "a.parquet"
    inksight.predict_batch(pictures, out, model=digit_run, ray_address=nodes.address, progress=look)
    assert waited and waited[0] < PICTURES
    require_same(pq.read_table(out), expected)


BATCH = """
import sys, inksight, inksight.inference.batch.listing as listing
listing.PICTURES = 100
print(inksight.predict_batch(*sys.argv[1:3], model=sys.argv[3], ray_address=sys.argv[4]).resumed_from)
"""


def test_a_killed_command_goes_on_where_it_was(address, pictures, expected, digit_run, tmp_path):
    out, unfinished = tmp_path / "a.parquet", tmp_path / "a.parquet.unfinished"
    program = [sys.executable, "-c", BATCH, str(pictures), str(out), str(digit_run), address]
    with subprocess.Popen(program) as process:
        while len(parts := sorted(unfinished.glob("part-*"))) < 3:
            assert process.poll() is None
            time.sleep(0.005)
        with pytest.raises(RunError, match="another process works on .*a.parquet now; wait for its end"):
            inksight.predict_batch(pictures, out, model=digit_run, ray_address=address)
        process.kill()
    parts[0].write_bytes(parts[0].read_bytes()[:-100])  # a disk that lost the end of a file
    parts[1].write_bytes(parts[2].read_bytes()[:0])
    with pytest.raises(StorageError, match=r"was begun otherwise \(model .*digits.* there, shipped \("):
        inksight.predict_batch(pictures, out, ray_address=address)
    with pytest.raises(StorageError, match=r"was begun otherwise \(source .*pictures there, .*/0 now\)"):
        inksight.predict_batch(pictures / "0", out, model=digit_run, ray_address=address)
    done = subprocess.run(program, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    assert 0 < int(done.stdout) < PICTURES and done.stderr == ""
    require_same(pq.read_table(out), expected)
    assert [path.name for path in tmp_path.iterdir()] == ["a.parquet"]


def test_what_crashes_its_worker_is_named_and_keeps_the_others(address, pictures, digit_run, tmp_path, monkeypatch):
    from inksight.inference.batch import job

    def dies_at_the_second(row, errand):  # sent whole: the nodes have no module of this name
        import os

        from inksight.inference.batch.shard import unpack
        from inksight.inference.batch.worker import answer_shard

        if unpack(row["shard"]).number == 1:
            os._exit(1)
        return answer_shard(row, errand)

    monkeypatch.setattr("inksight.inference.batch.listing.PICTURES", 800)
    monkeypatch.setattr(job, "answer_shard", dies_at_the_second)
    monkeypatch.setattr(job, "_RETRIES", 0)
    out = tmp_path / "a.parquet"
    told = (
        "workers died at 1 of 3 parts again and again, among them those that begin with 1/00800.png.*the same command"
    )
    with pytest.raises(EngineError, match=told):
        inksight.predict_batch(pictures, out, model=digit_run, ray_address=address)
    monkeypatch.undo()
    batch = inksight.predict_batch(pictures, out, model=digit_run, ray_address=address)
    assert (batch.pictures, batch.resumed_from) == (PICTURES, 1600)
