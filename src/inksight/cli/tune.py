"""`inksight tune`: a search for a better recipe, on this machine or on a cluster."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Any

import typer

import inksight
from inksight.cli.completion import among, data_names
from inksight.cli.config_flags import with_config_flags
from inksight.cli.duration import parse_duration
from inksight.cli.experiment import say_what_is_left
from inksight.cli.output import AsJson, Preprocessing, RayAddress, emit, percent, progress_bar
from inksight.config import PRESETS
from inksight.errors import UsageError, command


@with_config_flags
def tune(
    data: Annotated[
        str | None, typer.Argument(help="Name of a data set, or a path. Default: mnist.", autocompletion=data_names)
    ] = None,
    preset: Annotated[
        str | None,
        typer.Option(help=f"Recipe to improve: {', '.join(PRESETS)}. Default: quick.", autocompletion=among(PRESETS)),
    ] = None,
    trials: Annotated[int | None, typer.Option(help="Recipes to try, the preset's own among them. Default 50.")] = None,
    time: Annotated[str | None, typer.Option(help="Time limit for the whole command, such as 90s, 10m, 1h.")] = None,
    knob: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME=LOW..HIGH",
            help="A choice of the recipe and the range to search, learning_rate=0.001..0.03 for instance, or values, "
            "batch_size=64,128; may be given again. Only these are searched then. Default: the tutorial's knobs and "
            "the recipe's.",
        ),
    ] = None,
    latency: Annotated[
        str | None,
        typer.Option(
            metavar="TIME",
            help="Most time that one picture may take on one thread, such as 0.5ms: the best recipe that keeps it.",
        ),
    ] = None,
    parallel: Annotated[int | None, typer.Option(help="Trials at once. Default: one for each CPU.")] = None,
    ray_address: RayAddress = None,
    out: Annotated[
        Path | None, typer.Option(help="Search folder; one that is there goes on. Default: tunes/DATA-PRESET-NUMBER.")
    ] = None,
    resume: Annotated[
        Path | None, typer.Option(metavar="FOLDER", help="Go on with this search; --trials may add to it.")
    ] = None,
    size: Annotated[int | None, typer.Option(help="Side that pictures are brought to, in pixels. Default 28.")] = None,
    preprocessing: Preprocessing = None,
    as_json: AsJson = False,
    **choices: Any,
) -> None:
    """Search for a recipe that is better than a preset's; inksight train --config takes what is found.

    Measured on pictures held out of the training part; the test part is not looked at. Choices that are given stay.
    """
    limit_s, limit_ms, knobs = parse_duration(time), parse_latency(latency), parse_knobs(knob or [])
    from inksight.cli.tune_table import TuneTable

    with progress_bar() as loading, TuneTable() as table:
        done = inksight.tune(
            data,
            preset,
            trials=trials,
            knobs=knobs or None,
            latency_limit_ms=limit_ms,
            parallel=parallel,
            ray_address=ray_address,
            out=out,
            resume=resume,
            time_limit_s=limit_s,
            size_px=size,
            preprocessing=preprocessing,
            callback=table,
            progress=loading,
            started=inksight.STARTED,
            **{name: value for name, value in choices.items() if value is not None},
        )
    if as_json:
        emit(done.to_dict())
    else:
        _print(done)
    say_what_is_left(done, "trials", "tune")
    if done.best is None:
        raise typer.Exit(1)


def parse_knobs(texts: list[str]) -> dict[str, str]:
    """The range or values by knob, of `NAME=LOW..HIGH` and `NAME=V1,V2,…`.

    Raises:
        UsageError: no name, nothing to search, or a knob that came twice.
    """
    knobs: dict[str, str] = {}
    for text in texts:
        name, _, wanted = (part.strip() for part in text.partition("="))
        name = name.replace("-", "_")
        if not name or not wanted.strip(",. "):
            raise UsageError(
                f'the knob is "{text}"; a name and a range or values were wanted, learning_rate=0.001..0.03 or '
                "batch_size=64,128 for instance."
            )
        if name in knobs:
            raise UsageError(f"the knob {name} came twice, {knobs[name]} and {wanted}; one of them was wanted.")
        knobs[name] = wanted
    return knobs


def parse_latency(text: str | None) -> float | None:
    """Milliseconds in `0.5ms`, `500us`, `1s`; None stays None.

    Raises:
        UsageError: anything else.
    """
    if text is None:
        return None
    match = re.fullmatch(r"(\d+(?:\.\d+)?)\s*(us|ms|s)", text.strip())
    if match is None or not float(match[1]):
        raise UsageError(f'the latency limit is "{text}"; a time with us, ms or s was wanted, 0.5ms for instance.')
    return float(match[1]) * {"us": 0.001, "ms": 1, "s": 1000}[match[2]]


def _print(done: inksight.Search) -> None:
    """The best recipe beside the base, for people."""
    from inksight.cli.tune_table import spoken_point, told
    from inksight.search.tune.plan import BASE

    best, base, limit_ms = done.best, done.base, done.plan.latency_ms
    for name, outcome in (("best", best), (f"{done.plan.preset} preset", base)):
        if outcome is None:
            continue
        row = done.row(outcome)
        right = told(outcome)
        if outcome.accuracy is not None:
            low, high = row["interval95"]
            right += f" ({percent(low)} to {percent(high)})"
        pace = f", {row['latency_ms']:.3f} ms a picture" if row["latency_ms"] and outcome.ended != "too slow" else ""
        cost = f"{outcome.seconds:.1f} s, {outcome.multiply_adds / 1e6:.2f} M multiply-adds{pace}"
        print(f"{name + ':':<14} {right}, {cost}")
    if errors := [outcome.error for outcome in done.outcomes if outcome.error is not None]:
        print(f"{len(errors):,} of {len(done.outcomes):,} trials failed, the first of them: {errors[0]}")
    if best is None:
        print(f"No trial was finished{'' if limit_ms is None else f' within {limit_ms:g} ms a picture'}.")
        return
    if best.number == BASE:
        print("Nothing was better than the preset as it is.")
    else:
        print(f"Changed in it: {spoken_point(done.plan, best)}.")
    print(
        f"Measured on {done.images:,} validation pictures; the test part was not looked at. The best of "
        f"{done.count('finished') + done.count('stopped'):,} on the same pictures looks better than it is."
    )
    source = done.about["data"]["source"] or "DATA"
    print(
        f"Train it: {command('train', source, '--config', done.preset_file)}; trained with several seeds beside "
        f"--preset {done.plan.preset}, inksight compare tells what is real."
    )
