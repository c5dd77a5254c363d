"""The experiment as one page: experiment.html, with everything inside it, readable offline."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from html import escape
from typing import Any

from inksight.config import PRESETS
from inksight.report.html import document, figure, flat, section, table
from inksight.search.ablation.effects import LEVEL
from inksight.search.ablation.plan import ExperimentPlan, spoken
from inksight.search.ablation.plots import costs_png, effects_png, knobs_png
from inksight.search.ablation.results import Effect, Experiment, SettingFigures, points
from inksight.training.provenance import config_flags, data_flags

_ORDER = ("real", "perhaps", "open", "noise", "same", "failed", "missing")


def page(experiment: Experiment) -> str:
    """The HTML text."""
    effects, settings = experiment.effects, experiment.settings
    any_done = any(each.accuracies for each in settings)
    pictures = (
        section(
            "What each knob does", figure(effects_png(effects), "Difference and interval of each value"), _legend()
        ),
        section(
            "Knob by knob",
            figure(knobs_png(experiment), "Accuracy by value, for each knob"),
            "<p>Black is the reference; a dot is one seed, a line their mean.</p>",
        ),
    )
    sections = (
        *(pictures if any_done else ()),
        section("What is real", table(("setting", "beside", "verdict", "p", "p corrected"), _verdicts(effects))),
        section(
            "Accuracy and cost",
            figure(costs_png(experiment), "Errors against seconds of a training") if any_done else "",
            "<p>Each point is the mean over seeds and the fastest training; bars reach one sd and the slowest.</p>",
            table(("setting", "seeds", "right", "sd", "seconds", "parameters", "multiply-adds"), _costs(settings)),
            _errors(settings),
        ),
        section("How it was judged", _method(experiment)),
        section(
            "How to make it again",
            _command(experiment),
            table(("choice of the base", "value"), flat(experiment.plan.base.to_dict())),
            table(("made with", ""), flat(experiment.about)),
        ),
    )
    return document(experiment.path.name, "Inksight experiment", headline(effects), _tiles(experiment), sections)


def headline(effects: tuple[Effect, ...]) -> str:
    """What came out, as HTML."""
    real = sorted((each for each in effects if each.verdict == "real"), key=_size)
    found = ", ".join(f"{escape(each.knob)}={escape(spoken(each.value))} {_gain(each)}" for each in real[:4])
    more = f" and {len(real) - 4} more" if len(real) > 4 else ""
    are = "is" if len(real) == 1 else "are"
    return f"<strong>{len(real)} of {len(effects)}</strong> differences {are} real{': ' if real else ''}{found}{more}"


def _tiles(experiment: Experiment) -> dict[str, str]:
    counts = experiment.to_dict()["trials"]
    tiles = {
        "data": experiment.about["data"]["name"],
        "preset": experiment.plan.preset,
        "settings": f"{len(experiment.settings):,}",
        "seeds": str(experiment.plan.seeds),
        "trainings": f"{counts['done']:,} of {counts['planned']:,}",
        "validation pictures": f"{experiment.images:,}",
    }
    if counts["failed"]:
        tiles["failed"] = str(counts["failed"])
    if experiment.ended != "finished":
        tiles["ended early"] = experiment.ended
    return tiles


def _legend() -> str:
    return (
        "<p>A small dot is one seed, trained with this value and with the reference beside which it stands; a diamond "
        "is their mean and the bar its 95 % interval. Blue really helps, orange really harms, grey cannot be told from "
        "luck. An arrow points beyond the scale.</p>"
    )


def _verdicts(effects: tuple[Effect, ...]) -> list[tuple[str, ...]]:
    """The surest first, then the largest."""
    ordered = sorted(effects, key=lambda each: (_ORDER.index(each.verdict), _size(each)))
    return [
        (
            f"{each.knob}={spoken(each.value)}",
            spoken(each.reference),
            each.text,
            *((_p(each.judged.p), _p(each.judged.p_adjusted)) if each.judged and len(each.seeds) > 1 else ("", "")),
        )
        for each in ordered
    ]


def _costs(settings: tuple[SettingFigures, ...]) -> list[tuple[str, ...]]:
    """The most accurate first."""
    ordered = sorted(settings, key=lambda each: -each.mean if each.accuracies else 0.0)
    return [
        (
            each.name,
            str(len(each.accuracies)),
            f"{each.mean:.2%}" if each.accuracies else "",
            f"{each.sd:.2%}" if len(each.accuracies) > 1 else "",
            f"{each.seconds:.1f}" if each.accuracies else "",
            f"{each.parameters:,}",
            f"{each.multiply_adds:,}",
        )
        for each in ordered
    ]


def _errors(settings: tuple[SettingFigures, ...]) -> str:
    return "".join(f"<p>{escape(each.name)} failed: {escape(text)}</p>" for each in settings for text in each.errors)


def _method(experiment: Experiment) -> str:
    """In plain words, with what was decided besides."""
    notes = "".join(f"<p>Note: {escape(note)}.</p>" for note in experiment.plan.notes)
    left = (
        f"<p>{experiment.left_out:,} trainings were left out ({experiment.ended}).</p>" if experiment.left_out else ""
    )
    return (
        f"<p>Every setting was trained with the same seeds and measured on the same {experiment.images:,} validation "
        "pictures, which were held out of the training part. The test part was not looked at: it is still good for one "
        "honest figure of what is chosen here.</p>"
        "<p>Two kinds of luck are counted: other seeds, and other pictures of the same kind. How much seeds vary is "
        "pooled over all settings but those that vary far more; how much pictures matter is read from those that the "
        "two settings answer differently. A difference is called real when its p value, corrected for the number of "
        f"differences (Holm), is under {LEVEL:g}: where no knob does anything, at most {LEVEL:.0%} of experiments call "
        "one real. “Perhaps” would be real had it been the only question. “Noise” means that any difference is small: "
        "its interval stays within a quarter of the reference's errors.</p>" + notes + left
    )


def _command(experiment: Experiment) -> str:
    words = command(experiment.plan, experiment.about)
    if words is None:
        return "<p>It was made of arrays out of a program; these choices make it again.</p>"
    return f"<pre><code>{escape(words)}</code></pre>"


def command(plan: ExperimentPlan, about: Mapping[str, Any]) -> str | None:
    """The command that makes this experiment again; None for arrays out of a program."""
    source = about["data"]["source"]
    if not source:
        return None
    words = ["inksight", "experiment", source, "--preset", plan.preset]
    for knob, values in plan.knobs.items():
        words += ["--knob", f"{knob}={','.join(str(value) for value in values if value is not None)}"]
    words += [*(["--grid"] if plan.grid else []), "--seeds", str(plan.seeds)]
    words += data_flags(source, about["size_px"], about["preprocessing"])
    return shlex.join([*words, *config_flags(PRESETS[plan.preset], plan.base, turned=plan.knobs)])


def _size(effect: Effect) -> float:
    """The largest first."""
    return -abs(effect.judged.difference.value) if effect.judged else 0.0


def _gain(effect: Effect) -> str:
    return f"{points(effect.judged.difference.value)} pt" if effect.judged else ""


def _p(value: float) -> str:
    return f"{value:.3f}" if value >= 0.001 else "< 0.001"
