"""The run folder: what a training leaves behind. The only place that reads or writes one.

A folder that exists is whole: it is filled under a temporary name and renamed.
"""

from __future__ import annotations

import csv
import hashlib
import io
import json
import math
import re
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from functools import cached_property
from html import escape
from pathlib import Path
from typing import Any
from urllib.parse import quote

import numpy as np

from inksight.errors import RunError, StorageError, command
from inksight.runs import answers
from inksight.utils import notebook
from inksight.utils.atomic import LEFT_BEHIND, whole_file

FORMAT = 1
CARD, MODEL, KERAS = "model.json", "model.onnx", "model.keras"
CONFIG, METRICS, HISTORY, ANSWERS = "config.json", "metrics.json", "history.csv", "answers.npz"
FIGURES = ("confusion.png", "errors.png", "curves.png")
REPORT = "report.html"
README = "README.md"  # the model card; not in a run of a version that wrote none
WHOLE = (CONFIG, HISTORY, KERAS, MODEL, CARD, METRICS, *FIGURES, REPORT)
UNFINISHED = ".unfinished"  # behind a run's name: the folder of its training, which has not ended
SUITES = "suites.json"  # only in a run that was measured beyond its test part
DEFAULT_ROOT = Path("runs")
SHIPPED = Path(__file__).parent.parent / "shipped"
LINE = "line.onnx"  # beside the shipped model: the line network, which serves every digit model


@dataclass(frozen=True)
class ModelCard:
    """What a program must know to use `model.onnx`: model.json.

    preprocessing: "digits" or "resize". temperature: logits are divided by it. unsure_below: a confidence, 0–1.
    rejected_below: evidence for a class (measure.calibration), 0 to reject nothing.
    provenance: who made it, of what, how good it is.
    """

    classes: tuple[str, ...]
    size_px: int
    channels: int
    preprocessing: str
    temperature: float = 1.0
    unsure_below: float = 0.5
    rejected_below: float = 0.0
    provenance: dict[str, Any] = field(default_factory=dict)

    @property
    def kind(self) -> str:
        """Of the pictures it was trained on: "grey" or "colour"."""
        return "grey" if self.channels == 1 else "colour"

    @property
    def about(self) -> dict[str, Any]:
        """Where the model comes from, without the paths of the machine it was made on."""
        provenance = self.provenance
        return {
            "data": provenance.get("data", {}).get("name"),
            "preset": provenance.get("preset"),
            "test": provenance.get("test"),
        }


@dataclass(frozen=True)
class Run:
    """A finished run folder."""

    path: Path

    @cached_property
    def config(self) -> dict[str, Any]:
        """Every choice, the seed, versions, and the data's name and hash."""
        return _load_json(self.path / CONFIG)

    @cached_property
    def metrics(self) -> dict[str, Any]:
        """What the test set said, and the seconds it took."""
        return _load_json(self.path / METRICS)

    @property
    def warning(self) -> str | None:
        """Why not to use its model; see `baseline_warning`."""
        return baseline_warning(self.metrics)

    @cached_property
    def history(self) -> list[dict[str, float]]:
        """Rows of the training's course; a value that was not measured in a row is not in it."""
        with open(self.path / HISTORY, newline="", encoding="utf-8") as file:
            return [{key: float(value) for key, value in row.items() if value} for row in csv.DictReader(file)]

    @cached_property
    def answers(self) -> answers.AnswerSheet | None:
        """What the test said, picture by picture; None in a run of a version that did not keep it.

        Raises:
            RunError: the file is damaged.
        """
        path = self.path / ANSWERS
        return answers.parse(path.read_bytes(), str(path)) if path.is_file() else None

    @cached_property
    def suites(self) -> dict[str, Any]:
        """What was measured beyond the test part, by suite; empty if nothing was."""
        return _load_json(self.path / SUITES) if (self.path / SUITES).is_file() else {}

    @cached_property
    def card(self) -> ModelCard:
        """What a program must know to use its model."""
        return load_model_card(self.path)

    def __repr__(self) -> str:
        try:
            test = self.metrics["test"]
            return f"Run {self.path}: {100 * test['accuracy']:.2f} % right on {test['images']:,} test pictures"
        except (RunError, LookupError, TypeError):  # files are missing or damaged
            return f"Run {self.path}"

    def _repr_html_(self) -> str:
        """Return the accuracy, the duration, a link to the report and the surest mistakes as HTML for a notebook."""
        metrics, test = self.metrics, self.metrics["test"]
        low, high = test["interval95"]
        facts = {
            "data": self.config["data"]["name"],
            "preset": self.config["preset"],
            "seconds": f"{metrics['seconds']['total']:.1f}, {metrics['seconds']['fit']:.1f} of them training",
            "epochs": f"{metrics['epochs']:.3g}, {metrics['ended']}",
            "parameters": f"{metrics['parameters']:,}",
        }
        report = escape("./" * (not self.path.is_absolute()) + quote((self.path / "report.html").as_posix()))
        return notebook.card(
            "run",
            f"{test['accuracy']:.2%} right",
            f"on {test['images']:,} test pictures (95 % interval {low:.2%} – {high:.2%}, {test['errors']:,} wrong)",
            notebook.grid(
                "auto 1fr",
                [
                    each
                    for name, text in facts.items()
                    for each in (notebook.cell(name, notebook.FAINT), notebook.cell(text))
                ],
            ),
            f'<div style="margin:.5em 0"><a style="color:{notebook.ACCENT}" href="{report}" target="_blank">'
            f"The whole report</a> · <code>{escape(str(self.path))}</code></div>",
            self._mistakes(),
        )

    def _mistakes(self) -> str:
        """The first two rows of errors.png."""
        from PIL import Image

        with Image.open(self.path / "errors.png") as sheet:
            height = 2 * (3 * self.card.size_px + 60) + 8  # as sheet.sheet lays them out
            top = np.asarray(sheet.crop((0, 0, sheet.width, min(sheet.height, height))))
        return notebook.picture(top, "the surest wrong answers", top.shape[1] * 2 // 3, "image-rendering:auto")


RunLike = Run | str | Path


def baseline_warning(metrics: Mapping[str, Any]) -> str | None:
    """Says that a model is no better than always answering the commonest class; None where it is better.

    Args:
        metrics: as in metrics.json.
    """
    baseline = metrics.get("baseline")
    if baseline is None or baseline["accuracy"] == 1 or metrics["test"]["accuracy"] > baseline["accuracy"]:
        return None
    test = metrics["test"]
    return (
        f'{test["accuracy"]:.2%} right is no better than always answering "{baseline["class"]}", the commonest class, '
        f"which gets {baseline['accuracy']:.2%}. The model has learned nothing useful, and the run is never taken as "
        "latest. Train longer, on more pictures, or with another learning rate."
    )


def load_run(run: RunLike | None = None) -> Run:
    """Opens a run folder.

    Args:
        run: a Run, its folder or "latest"; None for the latest run.
    Raises:
        RunError: there is none, files are missing from it, or it is the shipped model, which is no run folder.
    """
    path = resolve("latest" if run is None else run)
    if path == SHIPPED:
        raise RunError(
            "the shipped model is no run folder: its training's course and Keras weights are not bundled. Give a run, "
            f"or train one: {command('train')}."
        )
    missing = [file for file in WHOLE if not (path / file).is_file()]
    if missing:
        raise RunError(
            f"{path} is not a whole run folder: {', '.join(missing)} missing. Copy it again with all its files."
        )
    return Run(path)


def resolve(run: RunLike | None = None) -> Path:
    """The folder of a run or model.

    Args:
        run: a Run, a run folder, "latest" or "shipped"; None for the latest run, or the shipped model where there is
            none.
    Raises:
        RunError: there is no such folder, or no model in it.
    """
    if run is None:
        return _newest() or SHIPPED
    if run == "shipped":
        return SHIPPED
    path = run.path if isinstance(run, Run) else _latest() if run == "latest" else Path(run)
    if path.name.endswith(UNFINISHED) or (not path.is_dir() and unfinished_folder(path).is_dir()):
        name = str(path).removesuffix(UNFINISHED)
        raise RunError(
            f"{name} is not finished: its training still runs, or it was cut short; then "
            f"{command('train', '--resume', name)} goes on with it."
        )
    if not path.is_dir():
        raise RunError(f'no run "{path}": there is no such folder. Give a run folder, latest or shipped.')
    if not (path / CARD).is_file() or not (path / MODEL).is_file():
        raise RunError(f"{path} holds no model ({MODEL} and {CARD} were wanted). Give a folder made by inksight train.")
    return path


def model_name(folder: Path) -> str:
    """The name of a folder that `resolve` returned: "shipped", or the path."""
    return "shipped" if folder == SHIPPED else str(folder)


def measured_on(provenance: dict[str, Any]) -> str:
    """The data set whose test part a model is measured on: the one it was trained on, unless everyone has another one
    with the same test part; empty for arrays."""
    return str(provenance.get("measured_on") or provenance.get("data", {}).get("source") or "")


def load_model_card(folder: Path) -> ModelCard:
    """Reads model.json and checks that the model beside it is the one it describes.

    Raises:
        RunError: the file is damaged, of another format, or the model's bytes have changed.
    """
    content = _load_json(folder / CARD)
    if content.pop("format", None) != FORMAT:
        raise RunError(
            f"{folder / CARD} is of a format this version does not know; {FORMAT} was wanted. Train it again."
        )
    expected = content.pop("onnx_sha256", None)
    found = hashlib.sha256((folder / MODEL).read_bytes()).hexdigest()
    if found != expected:
        raise RunError(
            f"{folder / MODEL} is not the model that {CARD} describes: SHA-256 {expected} expected, {found} found. "
            "It was changed or only partly copied; copy the folder again."
        )
    try:
        card = ModelCard(**{**content, "classes": tuple(content["classes"])})
        if not 0 < card.temperature < math.inf or not 0 <= card.unsure_below <= 1:
            raise ValueError(f"temperature {card.temperature}, unsure_below {card.unsure_below}")
        if not 0 <= card.rejected_below < math.inf:
            raise ValueError(f"rejected_below {card.rejected_below}")
        return card
    except (KeyError, TypeError, ValueError) as error:
        raise RunError(f"{folder / CARD} is damaged ({error}). Copy the folder again.") from error


def write_model(folder: Path, onnx_bytes: bytes, card: ModelCard) -> None:
    """Writes model.onnx and the model.json that belongs to it."""
    (folder / MODEL).write_bytes(onnx_bytes)
    digest = hashlib.sha256(onnx_bytes).hexdigest()
    write_json(folder / CARD, {"format": FORMAT, **asdict(card), "onnx_sha256": digest})


def write_json(path: Path, content: Mapping[str, Any]) -> None:
    """Readable JSON."""
    path.write_text(json.dumps(content, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def write_answers(folder: Path, sheet: answers.AnswerSheet) -> None:
    """answers.npz."""
    (folder / ANSWERS).write_bytes(answers.to_bytes(sheet))


def keep_suites(run: Run, found: Mapping[str, Any]) -> None:
    """Puts what further suites found into a run folder, beside what others found before.

    Raises:
        StorageError: the folder takes no files.
    """
    with whole_file(run.path / SUITES) as temporary:
        write_json(temporary, {**run.suites, **found})


def write_history(folder: Path, rows: Sequence[Mapping[str, float]]) -> None:
    """history.csv; its columns are all the keys that occur."""
    columns = list(dict.fromkeys(key for row in rows for key in row))
    text = io.StringIO()
    writer = csv.DictWriter(text, columns)
    writer.writeheader()
    writer.writerows({key: f"{value:.9g}" for key, value in row.items()} for row in rows)
    (folder / HISTORY).write_text(text.getvalue(), encoding="utf-8")


def require_free(path: Path) -> None:
    """Raises StorageError if a run cannot be saved as `path` because something is there, or is being made for it."""
    if path.exists():
        raise StorageError(f"{path} exists already; it is left as it was. Choose another --out.")
    if (folder := unfinished_folder(path)).exists():
        raise StorageError(
            f"{folder} exists already: a training of this name still runs, or it was cut short; then "
            f"{command('train', '--resume', path)} goes on with it. Or delete that folder, or choose another --out."
        )


def unfinished_folder(path: Path) -> Path:
    """Where the training of the run `path` keeps its checkpoints."""
    return Path(f"{path}{UNFINISHED}")


def safe_name(name: str) -> str:
    """A name that every file system takes: `_` for what some do not, and for a dot that would hide it.

    >>> safe_name("emnist/letters: a-z?")
    'emnist_letters_ a-z_'
    """
    return re.sub(r'^\.|[/\\:*?"<>|\x00-\x1f]', "_", name)


def next_free(stem: str, above: int = 0) -> Path:
    """`runs/<stem>-N` with the smallest N above `above`, all there are, all in training and all being filled."""
    end = re.escape(UNFINISHED)
    name = re.compile(rf"{re.escape(stem)}-(\d+)(?:{end})?|\.{re.escape(stem)}-(\d+)(?:{end})?{LEFT_BEHIND}")
    entries = DEFAULT_ROOT.iterdir() if DEFAULT_ROOT.is_dir() else ()
    numbers = [int(match[1] or match[2]) for path in entries if (match := name.fullmatch(path.name))]
    return DEFAULT_ROOT / f"{stem}-{max([above, *numbers]) + 1}"


def _newest() -> Path | None:
    """The run folder under DEFAULT_ROOT that was finished last, among those that beat the commonest class."""
    for path in finished_runs():
        try:
            if Run(path).warning is None:
                return path
        except RunError as error:
            raise RunError(
                f"{error} It is the latest run; to use another model, name it: a run folder, or shipped."
            ) from error
    return None


def finished_runs(root: Path = DEFAULT_ROOT) -> list[Path]:
    """The run folders with a model under `root`, the newest first."""
    found = []
    for path in root.glob("[!.]*"):
        if (path / CARD).is_file() and (path / MODEL).is_file():
            with suppress(FileNotFoundError):  # no metrics, or removed just now
                found.append(((path / METRICS).stat().st_mtime, path))
    return [path for _, path in sorted(found, reverse=True)]


def _latest() -> Path:
    """The newest useful run; raises RunError where there is none."""
    if (path := _newest()) is not None:
        return path
    if runs := finished_runs():
        raise RunError(
            f"no run in {DEFAULT_ROOT}/ is better than always answering the commonest class. Train another, or give "
            f"one by its path: {runs[0]}."
        )
    raise RunError(f"no run yet in {DEFAULT_ROOT}/. Make one: inksight train.")


def _load_json(path: Path) -> dict[str, Any]:
    """Parses one of a run's JSON files."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise RunError(f"{path} is missing; the run folder is not whole. Copy it again with all its files.") from None
    except (ValueError, OSError) as error:
        raise RunError(f"{path} is damaged ({error}). Copy the run folder again.") from error
    if not isinstance(content, dict):
        raise RunError(f"{path} is damaged: a JSON object was wanted. Copy the run folder again.")
    return content
