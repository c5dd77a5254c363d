"""`inksight train`: data and choices -> a run folder. Its flags are made from the fields of TrainConfig."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import Field, fields
from pathlib import Path
from typing import Annotated, Any

import typer

import inksight
from inksight.cli.duration import parse_duration
from inksight.cli.output import AsJson, emit, percent
from inksight.cli.progress import TrainingProgress
from inksight.training.config import PRESETS, TrainConfig


def _with_config_flags(command: Callable[..., None]) -> Callable[..., None]:
    """Gives `command` one keyword parameter for each field of TrainConfig in place of its `**choices`."""
    own = [p for p in inspect.signature(command, eval_str=True).parameters.values() if p.kind is not p.VAR_KEYWORD]
    made = [
        inspect.Parameter(item.name, inspect.Parameter.KEYWORD_ONLY, default=None, annotation=_flag(item))
        for item in fields(TrainConfig)
    ]
    command.__signature__ = inspect.Signature([*own, *made])  # type: ignore[attr-defined]
    command.__annotations__ = {parameter.name: parameter.annotation for parameter in (*own, *made)}
    return command


def _flag(item: Field[Any]) -> Any:
    """One field as a typer option."""
    kind = {"int": int, "flo": float, "str": str}[str(item.type)[:3]]
    among = item.metadata["among"]
    text = item.metadata["help"] + (f" One of {', '.join(among)}." if among else "")
    name = f"--{item.name.replace('_', '-')}"
    panel = "Choices of the recipe (default: the preset's)"
    return Annotated[kind | None, typer.Option(name, help=text, show_default=False, rich_help_panel=panel)]


@_with_config_flags
def train(
    data: Annotated[str, typer.Argument(help="Name of a data set, or a path.")] = "mnist",
    preset: Annotated[str, typer.Option(help=f"Recipe to start from: {', '.join(PRESETS)}.")] = "quick",
    time: Annotated[str | None, typer.Option(help="Time limit for the whole command, such as 90s, 10m, 1h.")] = None,
    out: Annotated[Path | None, typer.Option(help="Run folder to make. Default: runs/DATA-PRESET-NUMBER.")] = None,
    size: Annotated[int | None, typer.Option(help="Side that pictures are brought to, in pixels. Default 28.")] = None,
    preprocessing: Annotated[
        str | None, typer.Option(help="How foreign pictures become inputs: digits or resize. Default: by data set.")
    ] = None,
    show: Annotated[bool, typer.Option("--show", help="Print the layer table before training.")] = False,
    as_json: AsJson = False,
    **choices: Any,
) -> None:
    """Train, test and save a classifier."""
    given = {name: value for name, value in choices.items() if value is not None}
    with TrainingProgress(show_layers=show) as shown:
        run = inksight.train(
            data,
            preset,
            out=out,
            time_limit_s=parse_duration(time),
            size_px=size,
            preprocessing=preprocessing,
            watcher=shown,
            progress=shown.loading,
            started=inksight.STARTED,
            **given,
        )
    if as_json:
        emit(summary(run))
    else:
        print(headline(run))


def summary(run: inksight.Run) -> dict[str, Any]:
    """A run in one JSON object."""
    metrics, config = run.metrics, run.config
    test = {name: metrics["test"][name] for name in ("accuracy", "errors", "images", "interval95")}
    return {
        "run": str(run.path),
        "data": config["data"]["name"],
        **{name: config[name] for name in ("preset", "backend", "seed")},
        **{name: metrics[name] for name in ("parameters", "epochs", "ended", "seconds")},
        "test": test,
    }


def headline(run: inksight.Run) -> str:
    """A run in a few lines for a person."""
    metrics, test = run.metrics, run.metrics["test"]
    low, high = test["interval95"]
    ended = "" if metrics["ended"] == "finished" else f" Training ended early: {metrics['ended']}."
    limit = run.config["time_limit_s"]
    if limit is not None and metrics["seconds"]["total"] > limit:
        ended += f" {limit:g} s were allowed; loading, compiling, testing and saving alone need longer."
    return (
        f"{percent(test['accuracy'])} right on {test['images']:,} test pictures "
        f"(95 % interval {percent(low)} to {percent(high)}, {test['errors']:,} wrong) "
        f"in {metrics['seconds']['total']:.1f} s.{ended}\n"
        f"Saved in {run.path}. See {run.path / 'report.html'}, or ask it: "
        f"inksight predict PICTURE --model {run.path}"
    )
