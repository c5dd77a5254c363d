"""The experiment folder: what was planned (experiment.json) and what came of it (trials.jsonl), safe against a kill.

A trial is one line, written to the disk before the next trial starts. A kill can tear the last line only; it is then
cut off, and its trial done again. Whoever trains holds a lock on the folder; the operating system takes that from a
process that dies.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from inksight.config import TrainConfig
from inksight.data.dataset import Dataset
from inksight.errors import RunError, StorageError
from inksight.models import engine
from inksight.runs import write_json
from inksight.search.ablation.begun import FORMAT, damaged, held_place, load_begun, require_no_difference
from inksight.search.ablation.plan import ExperimentPlan
from inksight.utils.atomic import Lines, whole_file

PLAN, TRIALS, PAGE, EFFECTS = "experiment.json", "trials.jsonl", "experiment.html", "effects.json"
_KIND = ("experiment", "experiment")
DEFAULT_ROOT = Path("experiments")


@dataclass(frozen=True)
class Outcome:
    """One finished training.

    accuracy, loss: on the validation part. wrong: indices of its pictures that were answered wrongly. seconds: of
    building, training and measuring. error: why there is nothing of all this; it is then not tried again.
    """

    setting: str
    seed: int
    seconds: float
    accuracy: float = 0.0
    loss: float = 0.0
    wrong: tuple[int, ...] = ()
    ended: str = "finished"
    error: str | None = None


@dataclass(frozen=True)
class ExperimentFolder:
    """An open experiment folder. about: data, versions and machine, as experiment.json holds them."""

    path: Path
    plan: ExperimentPlan
    about: dict[str, Any]

    @property
    def lines(self) -> Lines:
        """Its finished trainings."""
        return Lines(self.path / TRIALS)

    def outcomes(self) -> list[Outcome]:
        """What was finished so far, in the order in which it was."""
        try:
            found = [Outcome(**{**row, "wrong": tuple(row["wrong"])}) for row in self.lines.read()]
        except (ValueError, TypeError, KeyError) as error:
            raise RunError(
                f"{self.path / TRIALS} is damaged ({error}). Remove that line, and it is trained again."
            ) from error
        return list({(outcome.setting, outcome.seed): outcome for outcome in found}.values())

    def add(self, outcome: Outcome) -> None:
        """Writes one more, to the disk."""
        self.lines.add(asdict(outcome))


def about(dataset: Dataset, backend: str) -> dict[str, Any]:
    """What besides its plan decides an experiment's figures. dataset: as it was loaded, without a part held out."""
    return {
        "data": {"name": dataset.name, "source": dataset.source, "sha256": dataset.sha256},
        "size_px": dataset.size_px,
        "preprocessing": dataset.preprocessing,
        "backend": backend,
        "versions": {"inksight": engine.package_version(), **engine.versions()},
        "machine": {"processor": engine.processor(), "cores": os.cpu_count()},
    }


@contextmanager
def held(
    path: Path | None, plan: ExperimentPlan, facts: dict[str, Any], resumed: bool = False
) -> Iterator[ExperimentFolder]:
    """A new folder, or the one at `path` if it holds the same experiment; as long as the block lasts, for nobody else.

    More seeds are the same experiment.

    Args:
        path: None for the next free `experiments/<data>-<preset>-<number>`.
        facts: as `about` gives them.
        resumed: whether the plan is the folder's own.
    Raises:
        RunError: another process trains there, or the folder is of another version.
        StorageError: the folder holds another experiment, or something else.
    """
    stem = f"{facts['data']['name']}-{plan.preset}"
    with held_place(path, DEFAULT_ROOT, stem, "the experiment in {} is being trained") as place:
        yield _begun(place, plan, facts, resumed)


def _begun(path: Path, plan: ExperimentPlan, facts: dict[str, Any], resumed: bool) -> ExperimentFolder:
    """The folder with its plan written. Arguments and errors as for `held`."""
    if (path / PLAN).is_file():
        there = open_folder(path)
        require_same(there, plan, facts, resumed)
        if plan.seeds <= there.plan.seeds:
            return there
        plan, facts = replace(there.plan, seeds=plan.seeds), there.about
    elif path.is_file() or (path.is_dir() and any(path.iterdir())):
        raise StorageError(f"{path} exists already and is no experiment; it is left as it was. Choose another --out.")
    with whole_file(path / PLAN) as file:
        write_json(file, {"format": FORMAT, "plan": asdict(plan), **facts})
    return ExperimentFolder(path, plan, facts)


def open_folder(path: Path) -> ExperimentFolder:
    """The experiment in a folder.

    Raises:
        RunError: there is none, it is damaged, or of another version.
    """
    content = load_begun(path / PLAN, *_KIND)
    try:
        stored = content.pop("plan")
        knobs = {name: tuple(values) for name, values in stored["knobs"].items()}
        base = TrainConfig(**stored["base"])
        plan = ExperimentPlan(**{**stored, "knobs": knobs, "base": base, "notes": tuple(stored["notes"])})
    except (KeyError, TypeError, AttributeError) as error:
        raise damaged(path / PLAN, error) from error
    return ExperimentFolder(path, plan, content)


def require_same(folder: ExperimentFolder, plan: ExperimentPlan, facts: dict[str, Any], resumed: bool) -> None:
    """Raises StorageError, with what differs, unless `plan` and `facts` are those of the folder or add seeds to it."""
    stored, wanted = folder.plan, plan
    old, new = asdict(stored.base), asdict(wanted.base)
    pairs: list[tuple[str, Any, Any]] = [
        ("the data's SHA-256", folder.about["data"]["sha256"], facts["data"]["sha256"]),
        *((name, folder.about[name], facts[name]) for name in ("size_px", "preprocessing", "backend")),
        *((name, old[name], new[name]) for name in old),
        *(
            (f"values of {name}", stored.knobs.get(name, ()), wanted.knobs.get(name, ()))
            for name in dict.fromkeys([*stored.knobs, *wanted.knobs])
        ),
        ("order of the knobs", tuple(stored.knobs), tuple(wanted.knobs)),
        ("grid", stored.grid, wanted.grid),
    ]
    different = [f"{name}: {_words(before)} there, {_words(now)} now" for name, before, now in pairs if before != now]
    require_no_difference(folder.path, different, resumed, *_KIND)


def _words(value: Any) -> str:
    """A value for people."""
    if isinstance(value, tuple):
        return ", ".join(map(_words, value)) or "none"
    return f"{value[:12]}…" if isinstance(value, str) and len(value) == 64 else str(value)
