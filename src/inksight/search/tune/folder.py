"""The search folder, safe against a kill: what is searched (tune.json), which trials are under way (running.json), what
came of the finished ones (trials.jsonl, a line a trial), how fast the best are with nothing beside them (latency.json),
and the best recipe so far (best.json).

Nothing else is needed to go on: what Ray keeps for itself is thrown away.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Container, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from inksight.config import TrainConfig
from inksight.errors import RunError, StorageError
from inksight.runs import write_json
from inksight.search.ablation.begun import FORMAT, damaged, held_place, load_begun, require_no_difference
from inksight.search.tune.plan import Point, TunePlan
from inksight.search.tune.space import of_json, to_json
from inksight.utils.atomic import Lines, whole_file

PLAN, TRIALS, RUNNING, BEST = "tune.json", "trials.jsonl", "running.json", "best.json"
LATENCIES = "latency.json"
_KIND = ("search", "tune")
DEFAULT_ROOT = Path("tunes")


@dataclass(frozen=True)
class TrialOutcome:
    """What came of one trial.

    point: its value for each knob; empty for the base. ended: "finished"; "stopped", early, for others were better at
    the same share; "too slow" for the latency limit, and not trained; "failed". accuracy: on the validation part, the
    newest there is. share: of the training that was done, in percent. looks: (share, accuracy) on the way. latency_ms:
    of one picture, where a limit was given. attempts: how often it was begun. error: why it failed.
    """

    number: int
    point: Point
    ended: str
    seconds: float
    accuracy: float | None = None
    share: float = 0.0
    looks: tuple[tuple[float, float], ...] = ()
    parameters: int = 0
    multiply_adds: int = 0
    latency_ms: float | None = None
    node: str = ""
    attempts: int = 1
    error: str | None = None


@dataclass(frozen=True)
class TuneFolder:
    """An open search folder. about: data, versions and the like, as tune.json holds them."""

    path: Path
    plan: TunePlan
    about: dict[str, Any]
    running: dict[int, Point] = field(default_factory=dict)  # points that were given out, by number

    @property
    def lines(self) -> Lines:
        """Its finished trials."""
        return Lines(self.path / TRIALS)

    @property
    def ray(self) -> Path:
        """Where Ray Tune keeps what it must keep while it runs."""
        return self.path / "ray"

    def outcomes(self) -> list[TrialOutcome]:
        """What was finished so far, in the order in which it was."""
        try:
            found = [TrialOutcome(**{**row, "looks": tuple(map(tuple, row["looks"]))}) for row in self.lines.read()]
        except (ValueError, TypeError, KeyError) as error:
            raise RunError(
                f"{self.path / TRIALS} is damaged ({error}). Remove that line, and it is tried again."
            ) from error
        return list({outcome.number: outcome for outcome in found}.values())

    def begin(self, number: int, point: Point) -> None:
        """Remembers what a trial was given, to give it again should this process die."""
        self.running[number] = point
        self._keep(RUNNING, self.running)

    def end(self, outcome: TrialOutcome) -> None:
        """Writes what came of a trial, to the disk."""
        self.lines.add(asdict(outcome))
        self.running.pop(outcome.number, None)

    def clean(self) -> None:
        """Takes away what a kill left behind, and what only Ray needed."""
        self.lines.cut_torn()
        shutil.rmtree(self.ray, ignore_errors=True)

    def latencies_ms(self) -> dict[int, float]:
        """Of trials, measured when nothing ran beside; what cannot be read is measured again."""
        return {number: float(ms) for number, ms in _by_number(self.path / LATENCIES).items()}

    def keep_latencies(self, latencies_ms: Mapping[int, float]) -> None:
        """Writes them."""
        self._keep(LATENCIES, latencies_ms)

    def _keep(self, name: str, by_number: Mapping[int, Any]) -> None:
        with whole_file(self.path / name) as file:
            write_json(file, {str(number): value for number, value in by_number.items()})


def best_of(outcomes: Iterable[TrialOutcome], slow: Container[int] = ()) -> TrialOutcome | None:
    """The finished trial with the greatest accuracy, of equal ones the first; without those numbered `slow`."""
    finished = [outcome for outcome in outcomes if outcome.ended == "finished" and outcome.number not in slow]
    return max(finished, key=lambda outcome: (outcome.accuracy, -outcome.number), default=None)


@contextmanager
def held(path: Path | None, plan: TunePlan, facts: dict[str, Any], resumed: bool = False) -> Iterator[TuneFolder]:
    """A new folder, or the one at `path` if it holds the same search; as long as the block lasts, for nobody else.

    More trials are the same search.

    Args:
        path: None for the next free `tunes/<data>-<preset>-<number>`.
        facts: as `inksight.search.ablation.folder.about` gives them.
        resumed: whether the plan is the folder's own.
    Raises:
        RunError: another process searches there, or the folder is of another version.
        StorageError: the folder holds another search, or something else.
    """
    stem = f"{facts['data']['name']}-{plan.preset}"
    with held_place(path, DEFAULT_ROOT, stem, "the search in {} is being carried on") as place:
        folder = _begun(place, plan, facts, resumed)
        folder.clean()
        try:
            yield folder
        finally:
            folder.clean()


def _begun(path: Path, plan: TunePlan, facts: dict[str, Any], resumed: bool) -> TuneFolder:
    """The folder with its plan written. Arguments and errors as for `held`."""
    running: dict[int, Point] = {}
    if (path / PLAN).is_file():
        there = open_folder(path)
        require_same(there, plan, facts, resumed)
        running = there.running
        if plan.trials <= there.plan.trials:
            return there
        plan, facts = replace(there.plan, trials=plan.trials), there.about
    elif path.is_file() or any(path.iterdir()):
        raise StorageError(f"{path} exists already and is no search; it is left as it was. Choose another --out.")
    stored = {**asdict(plan), "space": to_json(plan.space)}
    with whole_file(path / PLAN) as file:
        write_json(file, {"format": FORMAT, "plan": stored, **facts})
    return TuneFolder(path, plan, facts, running)


def open_folder(path: Path) -> TuneFolder:
    """The search in a folder.

    Raises:
        RunError: there is none, it is damaged, or of another version.
    """
    content = load_begun(path / PLAN, *_KIND)
    try:
        stored = content.pop("plan")
        base, fixed = TrainConfig(**stored["base"]), tuple(stored["fixed"])
        plan = TunePlan(**{**stored, "base": base, "space": of_json(stored["space"]), "fixed": fixed})
    except (KeyError, TypeError, AttributeError) as error:
        raise damaged(path / PLAN, error) from error
    return TuneFolder(path, plan, content, _by_number(path / RUNNING))


def _by_number(path: Path) -> dict[int, Any]:
    """A file of what can be had again; empty where it cannot be read."""
    try:
        return {int(number): value for number, value in json.loads(path.read_text(encoding="utf-8")).items()}
    except (OSError, ValueError, AttributeError):
        return {}


def require_same(folder: TuneFolder, plan: TunePlan, facts: Mapping[str, Any], resumed: bool) -> None:
    """Raises StorageError, with what differs, unless `plan` and `facts` are those of the folder or add trials to it."""
    old, new = asdict(folder.plan.base), asdict(plan.base)
    spaces = [{name: str(one) for name, one in each.space.items()} for each in (folder.plan, plan)]
    before = {**old, **{f"space of {name}": text for name, text in spaces[0].items()}}
    now = {**new, **{f"space of {name}": text for name, text in spaces[1].items()}}
    before |= {name: folder.about[name] for name in ("size_px", "preprocessing", "backend")}
    now |= {name: facts[name] for name in ("size_px", "preprocessing", "backend")}
    before |= {"latency limit": folder.plan.latency_ms, "the data's SHA-256": folder.about["data"]["sha256"][:12]}
    now |= {"latency limit": plan.latency_ms, "the data's SHA-256": facts["data"]["sha256"][:12]}
    different = [
        f"{name}: {before.get(name, 'none')} there, {now.get(name, 'none')} now"
        for name in dict.fromkeys([*before, *now])
        if before.get(name) != now.get(name)
    ]
    require_no_difference(folder.path, different, resumed, *_KIND)
