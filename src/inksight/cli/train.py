"""`inksight train`: data and choices -> a run folder. Its flags are made from the fields of TrainConfig."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, ClassVar

import typer

import inksight
from inksight.cli.completion import among, data_names, run_names, unfinished_names
from inksight.cli.config_flags import WithPanels, with_config_flags
from inksight.cli.duration import parse_duration
from inksight.cli.output import AsJson, Preprocessing, RayAddress, emit, percent, progress_bar
from inksight.cli.progress import JsonProgress, ProgressForm, TrainingProgress
from inksight.cli.tables import print_layers
from inksight.config import PRESETS
from inksight.errors import UsageError, command

QUICK = "quick"
HIDDEN = 0.01  # between all pictures and all classes


class TrainCommand(WithPanels):
    """`inksight train` with the panels of its own flags."""

    panels: ClassVar = {
        "Data": ("data_option", "size", "preprocessing"),
        "Training": ("preset", "config", "finetune", "resume", "time"),
        "Output": ("out", "track", "dry_run", "progress", "as_json"),
        "Machine": ("workers", "ray_address"),
    }
    common: ClassVar = ("preset", "data_option", "finetune", "resume", "time", "out", "dry_run", "as_json")


@with_config_flags
def train(
    data: Annotated[
        str | None, typer.Argument(help="Name of a data set, or a path. Default: mnist.", autocompletion=data_names)
    ] = None,
    preset: Annotated[
        str | None,
        typer.Option(
            help=f"Recipe to start from: {', '.join(PRESETS)}. Default: {QUICK}.", autocompletion=among(PRESETS)
        ),
    ] = None,
    config: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Recipe to start from: a preset file, such as inksight tune writes."),
    ] = None,
    finetune: Annotated[
        str | None,
        typer.Option(
            metavar="RUN",
            autocompletion=run_names,
            help="Train this run on, on pictures of --data, and let it forget nothing: its own data is rehearsed.",
        ),
    ] = None,
    data_option: Annotated[
        str | None,
        typer.Option(
            "--data", metavar="DATA", autocompletion=data_names, help="The same as DATA, for after --finetune."
        ),
    ] = None,
    resume: Annotated[
        str | None,
        typer.Option(
            metavar="RUN",
            autocompletion=unfinished_names,
            help="Go on with a training that was killed or found its disk full: the run folder that would have come, "
            "or latest. Its choices stay. Until then it is kept in RUN.unfinished; delete that folder to give it up.",
        ),
    ] = None,
    time: Annotated[str | None, typer.Option(help="Time limit for the whole command, such as 90s, 10m, 1h.")] = None,
    out: Annotated[Path | None, typer.Option(help="Run folder to make. Default: runs/DATA-PRESET-NUMBER.")] = None,
    size: Annotated[int | None, typer.Option(help="Side that pictures are brought to, in pixels. Default 28.")] = None,
    preprocessing: Preprocessing = None,
    workers: Annotated[
        int | None,
        typer.Option(metavar="N", help="Train in N processes that share every batch, placed and watched by Ray."),
    ] = None,
    ray_address: RayAddress = None,
    track: Annotated[
        str | None,
        typer.Option(
            metavar="TRACKER",
            help="Tell mlflow, tensorboard or wandb of it while it trains; their environment variables say where.",
        ),
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Load the data, build the network, print its layers, and stop.")
    ] = False,
    progress: Annotated[
        ProgressForm, typer.Option(help="How progress is shown on stderr: for people, or a JSON object a line.")
    ] = ProgressForm.text,
    as_json: AsJson = False,
    **choices: Any,
) -> None:
    """Train, test and save a classifier."""
    source = _one_source(data, data_option)
    given = {name: value for name, value in choices.items() if value is not None}
    if config is not None and preset is not None:
        raise UsageError(f"--preset {preset} and --config {config} came; one recipe to start from was wanted.")
    own = {"preset": preset, "config": config, "time": time, "size": size, "preprocessing": preprocessing}
    if resume is not None:
        _require_nothing_else({"DATA": source, "--finetune": finetune, "--out": out} | _as_flags(own | given))
    if dry_run:
        others = {"finetune": finetune, "resume": resume, "workers": workers, "time": time, "out": out, "track": track}
        _dry_run(source, own, _as_flags(others), given, as_json)
        return
    with JsonProgress() if progress is ProgressForm.json else TrainingProgress() as shown:
        told: dict[str, Any] = {"callback": shown, "progress": shown.loading, "started": inksight.STARTED}
        told |= {"track": track}
        on = _workers(workers, ray_address)
        if resume is not None:
            run = inksight.resume(resume, on=on, **told)
        elif finetune is not None:
            own |= {"workers": workers}
            run = inksight.finetune(finetune, _to_learn(source, own), out=out, **told, **given)
        else:
            run = inksight.train(
                source or "mnist",
                preset or QUICK,
                config=config,
                time_limit_s=parse_duration(time),
                size_px=size,
                preprocessing=preprocessing,
                out=out,
                on=on,
                **told,
                **given,
            )
    if as_json:
        emit(summary(run))
    else:
        print(headline(run))


def _dry_run(
    source: str | None, own: dict[str, Any], others: dict[str, Any], given: dict[str, Any], as_json: bool
) -> None:
    """Prints the parts of the data, the layers and the length of the training that would be."""
    from inksight.training.run import plan_training

    for flag, value in others.items():
        if value is not None:
            raise UsageError(f"--dry-run trains nothing, so {flag} has no effect. Leave it out.")
    chosen = {name: own[name] for name in ("config", "preprocessing")} | {"size_px": own["size"]}
    with progress_bar() as progress:
        planned = plan_training(source or "mnist", own["preset"] or QUICK, **chosen, progress=progress, **given)
    if as_json:
        emit(planned.to_dict())
        return
    parts = ", ".join(f"{count:,} {name}" for name, count in planned.images.items())
    print_layers(planned.layers)
    print(
        f"{planned.data}: {parts} pictures of {planned.shape[0]}×{planned.shape[1]}"
        f"{' in colour' if planned.shape[2] == 3 else ''}, {planned.classes} classes\n"
        f"Training: {planned.epochs:,} {'epoch' if planned.epochs == 1 else 'epochs'} of {planned.steps_per_epoch:,} "
        "steps. Nothing was trained (--dry-run)."
    )


def _workers(count: int | None, ray_address: str | None) -> inksight.Workers | None:
    """Who trains; None for this process."""
    if count is None:
        if ray_address is not None:
            raise UsageError("--ray-address says where --workers are; give how many, --workers 2 for instance.")
        return None
    return inksight.Workers(count, ray_address)


def _one_source(argument: str | None, option: str | None) -> str | None:
    """DATA, wherever it stands."""
    if argument is not None and option is not None:
        raise UsageError(f"two data sets came, {argument} and {option}; one was wanted.")
    return argument if option is None else option


def _to_learn(source: str | None, own: dict[str, Any]) -> str:
    """What --finetune learns; raises UsageError where there is none, and for flags that the run has decided."""
    if source is None:
        raise UsageError("--finetune needs the pictures to learn: --data corrections for instance.")
    for name, value in own.items():
        if value is not None:
            raise UsageError(f"--{name} does not go with --finetune: the run has decided it. Leave it out.")
    return source


def _as_flags(choices: dict[str, Any]) -> dict[str, Any]:
    """The same values by their flags."""
    return {f"--{name.replace('_', '-')}": value for name, value in choices.items()}


def _require_nothing_else(given: dict[str, Any]) -> None:
    """Raises UsageError for choices beside --resume."""
    told = [name for name, value in given.items() if value is not None]
    if told:
        raise UsageError(
            f"{', '.join(told)} does not go with --resume: the training was begun with its own choices. Leave it out, "
            "or train anew."
        )


def summary(run: inksight.Run) -> dict[str, Any]:
    """A run in one JSON object."""
    metrics, config = run.metrics, run.config
    test = {name: metrics["test"][name] for name in ("accuracy", "errors", "images", "interval95")}
    return {
        "run": str(run.path),
        "data": config["data"]["name"],
        **{name: config[name] for name in ("preset", "backend", "seed")},
        **{name: config[name] for name in ("device", "precision") if name in config},
        **{name: metrics[name] for name in ("parameters", "epochs", "ended", "seconds")},
        "test": test,
        "warning": run.warning,
        **({"finetune": metrics["finetune"]} if "finetune" in metrics else {}),
    }


def headline(run: inksight.Run) -> str:
    """A run in a few lines for a person."""
    metrics, test = run.metrics, run.metrics["test"]
    low, high = test["interval95"]
    ended = "" if metrics["ended"] == "finished" else f" Training ended early: {metrics['ended']}."
    limit = run.config["time_limit_s"]
    if limit is not None and metrics["seconds"]["total"] > limit:
        ended += missed_limit(run, limit)
    warning = f"WARNING: {run.warning}\n" if run.warning else ""
    return (
        f"{warning}"
        f"{percent(test['accuracy'])} right on {test['images']:,} test pictures "
        f"(95 % interval {percent(low)} to {percent(high)}, {test['errors']:,} wrong) "
        f"in {metrics['seconds']['total']:.1f} s.{ended}\n"
        f"{rare_classes(test)}"
        f"{comparison(metrics) if 'finetune' in metrics else ''}"
        f"Saved in {run.path}. See {run.path / 'report.html'}, or ask it: "
        f"{command('predict', 'PICTURE', '--model', run.path)}"
    )


STAGES = {
    "start": "starting",
    "data": "loading the data",
    "build": "building the network",
    "fit": "training",
    "export": "exporting",
    "evaluate": "testing",
    "save": "saving",
}


def missed_limit(run: inksight.Run, limit_s: float) -> str:
    """Says by how much a run missed its time limit, and what took longest."""
    seconds = run.metrics["seconds"]
    longest = max(STAGES, key=lambda stage: seconds.get(stage, 0.0))
    text = f" That misses the time limit of {limit_s:g} s: {STAGES[longest]} alone took {seconds[longest]:.1f} s"
    if longest == "fit":
        steps = int(run.history[-1]["step"])
        text += f" for {steps:,} {'step' if steps == 1 else 'steps'}. Allow more time, or use smaller pictures (--size)"
    return f"{text}."


def rare_classes(test: dict[str, Any]) -> str:
    """A line where the common classes hide how the rare ones fare."""
    from inksight.metrics.confusion import least_recalled

    alike, recalls = least_recalled(test["per_class"])
    if test["accuracy"] - alike < HIDDEN:
        return ""
    least = ", ".join(f"{name} {percent(recall)}" for name, recall in recalls[:3])
    return f"Each class counted alike, {percent(alike)} are right; least of all {least}.\n"


def comparison(metrics: dict[str, Any]) -> str:
    """What finetuning changed, in lines for a person."""
    tuned, after = metrics["finetune"], metrics["test"]
    before, learned, held = tuned["test_before"], tuned["learned"], tuned["held_out"]
    lines = [
        f"The old test pictures: {percent(before['accuracy'])} right before, {percent(after['accuracy'])} after "
        f"({before['errors']:,} wrong, now {after['errors']:,}).",
        f"The pictures it learned: {learned['right_before']:,} of {learned['images']:,} right before, "
        f"{learned['right_after']:,} after.",
        f"Others of them, only asked: {held['right_before']:,} of {held['images']:,} right before, "
        f"{held['right_after']:,} after."
        if held["images"]
        else "None of them were held out (a class needs 5), so nothing says yet how it does on others of their kind.",
    ]
    if tuned["left_out"]:
        lines.append(f"{tuned['left_out']:,} were not learned: they are in the test or the validation part.")
    return "".join(f"{line}\n" for line in lines)
