"""Figures of an experiment as PNG bytes."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from inksight.report.plots import BLUE, GREY, ORANGE, png
from inksight.search.ablation.plan import BASE, spoken
from inksight.search.ablation.results import Effect, Experiment

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.transforms import Bbox

_INK = "#111827"
_WIDTH_IN, _ROW_IN, _LETTER_IN, _TEXT_IN = 8.6, 0.27, 0.072, 3.2
_FAR = 5  # times the middle row's reach: beyond it a row would press all others together
_COLUMNS = 3


def effects_png(effects: Sequence[Effect]) -> bytes:
    """All differences on one scale: a dot for each seed, the mean, its 95 % interval; real ones in colour."""
    from matplotlib.figure import Figure

    rows: list[Effect | str] = []
    for effect in effects:
        heading = f"{effect.knob}  (beside {spoken(effect.reference)})"
        rows += [heading, effect] if heading not in rows else [effect]
    height = 0.7 + _ROW_IN * len(rows)
    figure = Figure((_WIDTH_IN, height))
    left = max(1.6, 0.45 + _LETTER_IN * max(len(spoken(effect.value)) for effect in effects))
    width = _WIDTH_IN - left - _TEXT_IN
    axes = figure.add_axes((left / _WIDTH_IN, 0.48 / height, width / _WIDTH_IN, 1 - 0.58 / height))
    limit = _limit(effects)
    axes.axvline(0, color=GREY, linewidth=0.8)
    for number, row in enumerate(rows):
        if isinstance(row, str):
            axes.text(
                (0.1 - left) / width,
                number,
                row,
                transform=axes.get_yaxis_transform(),
                va="center",
                fontsize=9,
                weight="bold",
            )
        else:
            _draw(axes, number, row, limit)
    axes.set_xlim(-limit, limit)
    axes.set_ylim(len(rows) - 0.5, -0.6)
    axes.set_yticks([])
    axes.set_xlabel("points of accuracy gained or lost", fontsize=9)
    axes.tick_params(labelsize=8)
    axes.grid(axis="x", alpha=0.25, linewidth=0.5)
    axes.spines[["top", "right", "left"]].set_visible(False)
    return png(figure)


def colour(effect: Effect) -> str:
    """Blue for what really helps, orange for what really harms, grey for all else."""
    if effect.verdict != "real" or effect.judged is None:
        return GREY
    return BLUE if effect.judged.difference.value > 0 else ORANGE


def _limit(effects: Sequence[Effect]) -> float:
    """Half the width of the scale, in points."""
    reaches = [
        100 * max(abs(each) for each in (*effect.judged.difference.by_seed, *_finite(effect)))
        for effect in effects
        if effect.judged is not None
    ]
    if not reaches:
        return 1.0
    return max(1.08 * min(max(reaches), _FAR * float(np.median(reaches))), 0.02)


def _finite(effect: Effect) -> tuple[float, ...]:
    """The ends of the interval, where it has ends."""
    return tuple(end for end in effect.judged.interval if math.isfinite(end)) if effect.judged else ()


def _draw(axes: Axes, number: int, effect: Effect, limit: float) -> None:
    """One row."""
    shade = colour(effect)
    beside = axes.get_yaxis_transform()
    axes.text(
        -0.04, number, spoken(effect.value), transform=beside, ha="right", va="center", fontsize=9, parse_math=False
    )
    weight, ink = ("bold", shade) if effect.verdict == "real" else ("normal", GREY)
    axes.text(1.03, number, effect.text, transform=beside, va="center", fontsize=8, color=ink, weight=weight)
    if effect.judged is None:
        return
    value = 100 * effect.judged.difference.value
    ends = [100 * end for end in _finite(effect)]
    if ends:
        axes.plot(ends, [number, number], color=shade, linewidth=2.2, solid_capstyle="round", alpha=0.55)
    dots = [100 * each for each in effect.judged.difference.by_seed]
    axes.plot(dots, [number] * len(dots), "o", color=shade, markersize=3.5, alpha=0.55, markeredgewidth=0)
    if abs(value) > limit:
        side = math.copysign(0.97 * limit, value)
        axes.plot([side], [number], marker="<" if value < 0 else ">", color=shade, markersize=7)
    else:
        axes.plot([value], [number], "D", color=shade, markersize=6, markeredgecolor="white", markeredgewidth=0.8)


def knobs_png(experiment: Experiment) -> bytes:
    """A panel a knob: accuracy by value, a dot for each seed and a line for their mean; the reference is filled."""
    from matplotlib.figure import Figure

    knobs = experiment.plan.knobs
    lines = math.ceil(len(knobs) / _COLUMNS)
    figure = Figure((_WIDTH_IN, 2.3 * lines + 0.1), layout="constrained")
    panels = figure.subplots(lines, _COLUMNS, squeeze=False).ravel()
    for axes in panels[len(knobs) :]:
        axes.set_visible(False)
    for axes, (knob, values) in zip(panels, knobs.items(), strict=False):
        numbers = all(isinstance(value, (int, float)) for value in values)
        ordered = sorted(values) if numbers else list(values)
        for place, value in enumerate(ordered):
            _draw_value(axes, place, [100 * each for each in experiment.accuracies(knob, value)], value == values[0])
        axes.set_xlim(-0.6, len(ordered) - 0.4)
        axes.set_xticks(range(len(ordered)), [_short(spoken(value)) for value in ordered], fontsize=8, parse_math=False)
        axes.set_title(knob, loc="left", fontsize=9, weight="bold")
        axes.tick_params(labelsize=8, length=0)
        axes.ticklabel_format(axis="y", useOffset=False)
        axes.grid(axis="y", alpha=0.25, linewidth=0.5)
        axes.spines[["top", "right"]].set_visible(False)
    for axes in panels[::_COLUMNS]:
        axes.set_ylabel("% right", fontsize=8)
    return png(figure)


def _draw_value(axes: Axes, place: int, accuracies: Sequence[float], is_reference: bool) -> None:
    """One value of a panel."""
    if not accuracies:
        axes.text(place, 0.5, "none", transform=axes.get_xaxis_transform(), ha="center", fontsize=8, color=GREY)
        return
    shade = _INK if is_reference else BLUE
    spread = np.linspace(-0.12, 0.12, len(accuracies)) if len(accuracies) > 1 else np.zeros(1)
    axes.plot(place + spread, accuracies, "o", color=shade, markersize=4, alpha=0.6, markeredgewidth=0)
    mean = float(np.mean(accuracies))
    axes.plot([place - 0.28, place + 0.28], [mean, mean], color=shade, linewidth=2)


def _short(text: str) -> str:
    """A value's name, broken at its underscores where it is long."""
    return text.replace("_", "_\n") if len(text) > 9 else text


def costs_png(experiment: Experiment) -> bytes:
    """Errors against seconds: the mean over seeds and the fastest training, with bars to one sd and the slowest."""
    from matplotlib.figure import Figure
    from matplotlib.ticker import LogLocator, NullFormatter, StrMethodFormatter

    shades = {experiment.plan.pairs(one.knob, one.value)[0][0]: colour(one) for one in experiment.effects}
    done = [each for each in experiment.settings if each.accuracies]
    wrong = {each.name: max(100 * (1 - each.mean), 0.01) for each in done}
    names: list[tuple[bool, float, str, float, str]] = []
    figure = Figure((_WIDTH_IN, 3.6), layout="constrained")
    axes = figure.subplots()
    if max(wrong.values()) > _FAR * min(wrong.values()):
        axes.set_yscale("log")
        axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        axes.yaxis.set_major_formatter(StrMethodFormatter("{x:g}"))
        axes.yaxis.set_minor_formatter(NullFormatter())
    for each in done:
        shade = _INK if each.name == BASE else GREY if experiment.plan.grid else shades[each.name]
        x, y, sd = each.seconds, wrong[each.name], 100 * each.sd
        bars: dict[str, Any] = {
            "xerr": [[0], [each.slowest_s - x]],
            "yerr": [[min(sd, 0.9 * y)], [sd]],  # a logarithmic scale has no 0
        }
        axes.errorbar([x], [y], fmt="o", color=shade, elinewidth=0.7, markersize=5, alpha=0.9, **bars)
        names.append((shade == GREY, y, each.name, x, shade))
    axes.set_xlim(0, 1.15 * max(each.slowest_s for each in done))
    axes.set_xlabel("seconds for one training", fontsize=9)
    axes.set_ylabel("% wrong", fontsize=9)
    axes.tick_params(labelsize=8)
    axes.grid(alpha=0.25, linewidth=0.5)
    axes.spines[["top", "right"]].set_visible(False)
    figure.draw_without_rendering()  # lays it out: where the names are is known from here on
    taken: list[Bbox] = []
    for _, y, name, x, shade in sorted(names):  # what is real first, then the best; a name that has no room is left out
        place: dict[str, Any] = {"xytext": (5, 3), "textcoords": "offset points"}
        label = axes.annotate(name, (x, y), fontsize=7.5, color=shade, parse_math=False, **place)
        box = label.get_window_extent()
        if box.count_overlaps(taken):
            label.remove()
        else:
            taken.append(box)
    return png(figure)
