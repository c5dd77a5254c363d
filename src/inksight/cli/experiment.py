"""`inksight experiment`: one knob after the other turned around a base, several seeds, and what of it is real."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

import inksight
from inksight.cli.completion import among, data_names
from inksight.cli.config_flags import with_config_flags
from inksight.cli.duration import parse_duration
from inksight.cli.output import AsJson, Preprocessing, emit, note, progress_bar
from inksight.cli.tables import print_table
from inksight.config import PRESETS
from inksight.errors import UsageError, command

_INTERRUPTED = 130


@with_config_flags
def experiment(
    data: Annotated[
        str | None, typer.Argument(help="Name of a data set, or a path. Default: mnist.", autocompletion=data_names)
    ] = None,
    knob: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME=V1,V2,…",
            help="A choice of the recipe and the values to try, kernel_size=3,5,7 for instance; may be given again. "
            "Default: the tutorial's kernel and pool size, activation, dropout, dense units, optimizer, loss, epochs.",
        ),
    ] = None,
    preset: Annotated[
        str | None,
        typer.Option(
            help=f"Recipe to start from: {', '.join(PRESETS)}. Default: quick.", autocompletion=among(PRESETS)
        ),
    ] = None,
    grid: Annotated[bool, typer.Option("--grid", help="Every combination, instead of one knob at a time.")] = False,
    seeds: Annotated[int | None, typer.Option(help="Trainings of each setting. Default 3.")] = None,
    time: Annotated[str | None, typer.Option(help="Time limit for the whole command, such as 90s, 10m, 1h.")] = None,
    out: Annotated[
        Path | None,
        typer.Option(help="Experiment folder; one that is there goes on. Default: experiments/DATA-PRESET-NUMBER."),
    ] = None,
    resume: Annotated[
        Path | None, typer.Option(metavar="FOLDER", help="Go on with this experiment; --seeds may add to it.")
    ] = None,
    size: Annotated[int | None, typer.Option(help="Side that pictures are brought to, in pixels. Default 28.")] = None,
    preprocessing: Preprocessing = None,
    as_json: AsJson = False,
    **choices: Any,
) -> None:
    """Try other kernel sizes, optimizers, epochs, …: what each does to the accuracy, and whether that is real.

    Measured on pictures held out of the training part; the test part is not looked at.
    """
    limit_s, knobs = parse_duration(time), parse_knobs(knob or [])
    from inksight.cli.experiment_table import ExperimentTable

    with progress_bar() as loading, ExperimentTable() as table:
        done = inksight.experiment(
            data,
            preset,
            knobs=knobs or None,
            grid=grid,
            seeds=seeds,
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
    say_what_is_left(done, "trainings", "experiment")


def say_what_is_left(done: inksight.Experiment | inksight.Search, what: str, verb: str) -> None:
    """How to go on with what was not done; an interruption is the command's exit code."""
    if done.left_out:
        why = "interrupted" if done.ended == "interrupted" else "out of time"
        note(f"{done.left_out:,} {what} are left out ({why}). Go on: {command(verb, '--resume', done.path)}")
    if done.ended == "interrupted":
        raise typer.Exit(_INTERRUPTED)


def parse_knobs(texts: list[str]) -> dict[str, list[str]]:
    """Values by knob, of `NAME=V1,V2,…`.

    Raises:
        UsageError: no name, or no values.
    """
    knobs: dict[str, list[str]] = {}
    for text in texts:
        name, _, values = text.partition("=")
        wanted = [value.strip() for value in values.split(",") if value.strip()]
        if not name.strip() or not wanted:
            raise UsageError(f'the knob is "{text}"; a name and values were wanted, kernel_size=3,5,7 for instance.')
        knobs.setdefault(name.strip().replace("-", "_"), []).extend(wanted)
    return knobs


def _print(done: inksight.Experiment) -> None:
    """The verdicts, for people."""
    from inksight.search.ablation.plan import spoken

    rows = [(f"{one.knob}={spoken(one.value)}", spoken(one.reference), one.text) for one in done.effects]
    print_table(("setting", "beside", "verdict"), rows)
    if any(effect.verdict == "perhaps" for effect in done.effects):
        asked = len(done.effects)
        print(f"Perhaps: it would be real, were it the only one of {asked} questions. More --seeds would tell.")
    for text in done.plan.notes:
        print(f"Note: {text}.")
    print(f"Measured on {done.images:,} validation pictures; the test part was not looked at. See {done.page}.")
