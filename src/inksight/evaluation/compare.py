"""Several runs on the same test pictures: which is better, whether that is more than luck, and what each costs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np

from inksight.data.address import picture_name
from inksight.errors import UsageError
from inksight.evaluation.evaluate import evaluate
from inksight.metrics.interval import wilson_interval
from inksight.metrics.mcnemar import Duel, duel, holm
from inksight.runs import METRICS, MODEL, SHIPPED, ModelCard, Run, RunLike, load_model_card, measured_on, resolve
from inksight.runs.answers import AnswerSheet

NOISE_ABOVE = 0.05
SEED = 0  # decides the test part of data that has none, the same for all


@dataclass(frozen=True, eq=False)
class Contender:
    """A run in a comparison. name: its folder's; the whole path where two are called the same. data: what it was
    tested on. cost: seconds (of its whole training), parameters, multiply_adds (for a picture) and onnx_bytes; None
    where a run does not say. warning: why to doubt its accuracy."""

    name: str
    card: ModelCard
    data: str
    answers: AnswerSheet
    cost: Mapping[str, float | None]
    warning: str | None = None

    def __repr__(self) -> str:
        return f"{self.name}: {100 * self.accuracy:.2f} % right on {len(self.answers):,} pictures"

    @property
    def accuracy(self) -> float:
        """0–1."""
        return float(self.answers.right.mean())

    @property
    def interval95(self) -> tuple[float, float]:
        """Of the accuracy."""
        return wilson_interval(int(self.answers.right.sum()), len(self.answers))

    def picture_name(self, index: int) -> str:
        """The file of a test picture, or its address where the data came without files."""
        return picture_name(self.answers.files, self.data, "test", index)

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return {
            "run": self.name,
            "accuracy": self.accuracy,
            "errors": len(self.answers.wrong),
            "images": len(self.answers),
            "interval95": list(self.interval95),
            **self.cost,
            "warning": self.warning,
        }


@dataclass(frozen=True, eq=False)
class Pairing:
    """Two contenders against each other. p_adjusted: `duel.p`, for all pairs of the comparison at once."""

    first: Contender
    second: Contender
    duel: Duel
    p_adjusted: float

    def __repr__(self) -> str:
        return self.verdict

    @property
    def is_noise(self) -> bool:
        """Whether luck explains the difference."""
        return self.p_adjusted > NOISE_ABOVE

    @property
    def only_first(self) -> np.ndarray:
        """Test pictures that only the first gets right: int64 (k,)."""
        return np.flatnonzero(self.first.answers.right & ~self.second.answers.right)

    @property
    def only_second(self) -> np.ndarray:
        """Test pictures that only the second gets right: int64 (k,)."""
        return np.flatnonzero(self.second.answers.right & ~self.first.answers.right)

    @property
    def verdict(self) -> str:
        """What comes of it, in a sentence."""
        first, second, found = self.first.name, self.second.name, self.duel
        apart = f"{first} alone gets {found.only_first:,} right, {second} alone {found.only_second:,}"
        chance = "p < 0.0001" if self.p_adjusted < 0.0001 else f"p = {self.p_adjusted:.2g}"
        if found.only_first + found.only_second == 0:
            return f"{first} and {second} are right and wrong on the very same pictures."
        if self.is_noise:
            return f"Noise: {apart} ({chance}); which of them is better cannot be told from {found.images:,} pictures."
        better, sign = (second, 1) if found.difference > 0 else (first, -1)
        low, high = sorted(100 * sign * bound for bound in found.interval95)
        gain = f"{100 * abs(found.difference):.2f} points (95 % interval {low:.2f} to {high:.2f})"
        return f"{better} is better by {gain}: {apart} ({chance})."

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return {
            "first": self.first.name,
            "second": self.second.name,
            "difference": self.duel.difference,
            "interval95": list(self.duel.interval95),
            "p": self.duel.p,
            "p_adjusted": self.p_adjusted,
            "noise": self.is_noise,
            "verdict": self.verdict,
            "only_first": self.only_first.tolist(),
            "only_second": self.only_second.tolist(),
        }


@dataclass(frozen=True, eq=False)
class Comparison:
    """Runs on the same test pictures, in the order given, and every two of them."""

    contenders: tuple[Contender, ...]
    pairings: tuple[Pairing, ...]

    def __repr__(self) -> str:
        return "Comparison: " + ", ".join(f"{each.name} {100 * each.accuracy:.2f} %" for each in self.contenders)

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return {
            "runs": [each.to_dict() for each in self.contenders],
            "pairs": [each.to_dict() for each in self.pairings],
        }


def compare(runs: Sequence[RunLike], data: str | Path | None = None) -> Comparison:
    """Compares runs, picture by picture. It is about these trained networks: another seed of a recipe is another run.

    Args:
        runs: two or more of them: a Run, a run folder, "latest" or "shipped".
        data: what to measure them on; None for the test part that each was tested on, which must be the same.
    Raises:
        UsageError: fewer than two runs, one given twice, or runs that were tested on different pictures.
        RunError: one of them cannot be used.
        DataError: data that is needed and cannot be had.
    """
    paths = [resolve(run) for run in runs]
    if len(paths) < 2:
        raise UsageError(f"{len(paths)} run came; two or more are compared: inksight compare RUN RUN.")
    if len({path.resolve() for path in paths}) < len(paths):
        raise UsageError(f"a run was given twice among {', '.join(map(str, runs))}; give each once.")
    names = [_name(path) for path in paths]
    told = [name if names.count(name) == 1 else str(path) for name, path in zip(names, paths, strict=True)]
    contenders = tuple(_contender(path, name, data) for path, name in zip(paths, told, strict=True))
    for other in contenders[1:]:
        _require_same_test(contenders[0], other, same_split=data is not None)
    duels = [duel(one.answers.right, two.answers.right) for one, two in combinations(contenders, 2)]
    chances = holm([each.p for each in duels])
    pairs = zip(combinations(contenders, 2), duels, chances, strict=True)
    return Comparison(contenders, tuple(Pairing(*two, found, chance) for two, found, chance in pairs))


def _name(path: Path) -> str:
    """What a run is called."""
    return "shipped" if path == SHIPPED else path.name


def _contender(path: Path, name: str, data: str | Path | None) -> Contender:
    """A run with its answers; it is asked anew if it kept none, as the shipped model does, or for other data."""
    answers, warning = None if data is not None or path == SHIPPED else Run(path).answers, None
    if answers is None:
        evaluation = evaluate(path, data, seed=None if data is None else SEED)
        answers, warning = evaluation.answers, _learned(path, data, evaluation.answers) or evaluation.warning
    metrics = Run(path).metrics if (path / METRICS).is_file() else {}
    cost = {
        "seconds": metrics.get("seconds", {}).get("total"),
        "parameters": metrics.get("parameters"),
        "multiply_adds": metrics.get("multiply_adds"),
        "onnx_bytes": (path / MODEL).stat().st_size,
    }
    card = load_model_card(path)
    tested = str(data) if data is not None else measured_on(card.provenance)
    return Contender(name, card, tested, answers, cost, warning)


def _learned(path: Path, data: str | Path | None, asked: AnswerSheet) -> str | None:
    """A warning where a run may have learned from the pictures it is asked: the data is its own, split otherwise."""
    origin = load_model_card(path).provenance
    if data is None or str(data) != origin["data"]["source"] or origin["seed"] == SEED:
        return None
    if evaluate(path).answers.sha256 == asked.sha256:
        return None
    return f"{_name(path)} was trained on {data} with another test part: it has learned from some of these pictures."


def _require_same_test(one: Contender, other: Contender, same_split: bool) -> None:
    """Raises UsageError, which says what differs, unless both answered the same pictures.

    same_split: whether both were asked about one part of one set; pictures of another size have another hash.
    """
    if one.card.classes != other.card.classes:
        raise UsageError(
            f"{one.name} and {other.name} know different classes: {_few(one.card.classes)}, and "
            f"{_few(other.card.classes)}. Compare runs of the same classes."
        )
    looks_alike = (one.card.size_px, one.card.channels) == (other.card.size_px, other.card.channels)
    if one.answers.sha256 == other.answers.sha256 or (same_split and not looks_alike):
        return
    raise UsageError(
        f"{one.name} and {other.name} were tested on different pictures: {_test_of(one)}, and {_test_of(other)}. "
        "Give pictures that neither was trained on: --data DATA."
    )


def _test_of(each: Contender) -> str:
    """What a run was tested on."""
    data = each.card.provenance.get("data", {}).get("name", "unknown data")
    size = f"{each.card.size_px} px"
    return f"{len(each.answers):,} of {data} at {size} (SHA-256 {each.answers.sha256[:8]}…)"


def _few(classes: Sequence[str]) -> str:
    """Some class names."""
    return ", ".join(classes[:10]) + (" …" if len(classes) > 10 else "")
