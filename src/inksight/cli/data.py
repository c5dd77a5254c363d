"""`inksight data`: which sets there are, what is in one, fetching it, what is wrong with it, and spoiling it.

`data doubt` has a file of its own.
"""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from inksight.cli.completion import corruption_names, data_names
from inksight.cli.doubt import doubt
from inksight.cli.output import AsJson, emit, note, print_picture, progress_bar

if TYPE_CHECKING:
    import numpy as np

    from inksight.data import Dataset
    from inksight.data.registry import KnownSet

SHEET_PICTURES = 200
SHEET_COLUMNS = 10
THUMBNAIL_PX = 14
SHOWN_EXAMPLES = 5

Source = Annotated[
    str,
    typer.Argument(metavar="NAME|PATH", help="A known data set or the path of your own.", autocompletion=data_names),
]

app = typer.Typer(help="Data sets: list, show, fetch, check, doubt, corrupt.", no_args_is_help=True)
app.command()(doubt)


@app.command("list")
def list_sets(as_json: AsJson = False) -> None:
    """List the data sets known by name."""
    from inksight.data.registry import SETS

    rows = [_row(known) for known in SETS.values()]
    if as_json:
        emit({"sets": rows})
        return
    from rich.console import Console
    from rich.table import Table

    table = Table("name", "what", "pictures", "where", "licence", box=None, pad_edge=False, collapse_padding=True)
    for row in rows:
        table.add_row(
            row["name"],
            row["title"],
            f"{row['train'] + row['test']:,} of {'×'.join(map(str, row['shape']))}",
            row["where"],
            row["license"].partition(",")[0],
        )
    Console().print(table)
    note("Any folder with a folder for each class, a CSV, an .npz or IDX files will do as well: give its path.")


@app.command()
def show(
    source: Source = "mnist",
    size: Annotated[int | None, typer.Option(help="Bring the pictures to this many pixels a side.")] = None,
    out: Annotated[Path | None, typer.Option(help="Write a sheet of sample pictures there, as PNG.")] = None,
    as_json: AsJson = False,
) -> None:
    """Show what a data set holds: shapes, range, class counts, hash, samples."""
    from inksight.data import load
    from inksight.utils.montage import save_png

    with progress_bar() as progress:
        data = load(source, size_px=size, progress=progress)
    record = _record(data)
    if out:
        save_png(out, _sample_sheet(data))
    if as_json:
        emit(record | {"out": str(out) if out else None})
        return
    _print_record(record)
    _print_samples(data)
    if out:
        note(f"Sample sheet written to {out}.")


@app.command()
def fetch(
    name: Annotated[
        str, typer.Argument(help="A data set known by name; see `inksight data list`.", autocompletion=data_names)
    ],
    as_json: AsJson = False,
) -> None:
    """Fetch a data set into the cache, so that it is there without a network."""
    from inksight.data.fetch import fetch_set
    from inksight.data.named import PACKAGE_FOLDER
    from inksight.data.registry import SETS
    from inksight.errors import UsageError, unknown

    if name not in SETS:
        raise UsageError(unknown("data set", name, SETS))
    if SETS[name].embedded:
        folder = PACKAGE_FOLDER / name
        note(f"{name} comes with the package; there is nothing to fetch.")
    else:
        with progress_bar() as progress:
            folder = fetch_set(SETS[name], progress)
        note(f"{name} is in {folder}, its hashes checked.")
    if as_json:
        emit({"name": name, "folder": str(folder)})


@app.command()
def check(source: Source = "mnist", as_json: AsJson = False) -> None:
    """Check a data set: unreadable files, duplicates, missing, small, uneven classes, blanks. Exit code 1 on errors."""
    from inksight.data.check import check as find_problems

    with progress_bar() as progress:
        findings = find_problems(source, progress=progress)
    errors = sum(finding.severity == "error" for finding in findings)
    if as_json:
        emit({"source": source, "errors": errors, "findings": [asdict(finding) for finding in findings]})
    else:
        for finding in findings:
            print(f"{finding.severity}: {finding.text}")
            for example in finding.examples[:SHOWN_EXAMPLES]:
                print(f"    {example}")
            if len(finding.examples) > SHOWN_EXAMPLES:
                print(f"    … and {len(finding.examples) - SHOWN_EXAMPLES:,} more (all with --json)")
        if not findings:
            print(f"{source}: nothing wrong was found.")
    if errors:
        raise typer.Exit(1)


@app.command()
def corrupt(
    out: Annotated[Path, typer.Argument(help="Folder to make, with an .npz for each corruption.")],
    source: Annotated[
        str, typer.Option("--data", help="Digits: a known data set or a path.", autocompletion=data_names)
    ] = "mnist",
    only: Annotated[
        list[str] | None,
        typer.Option(help="This corruption; may be given several times.", autocompletion=corruption_names),
    ] = None,
    seed: Annotated[int, typer.Option(help="Decides all chance.")] = 0,
    as_json: AsJson = False,
) -> None:
    """Write a data set spoiled in the fifteen ways of MNIST-C, each as a set that the other commands take."""
    import numpy as np

    from inksight.data import load
    from inksight.data.synthetic.mnist_c import CORRUPTIONS
    from inksight.data.synthetic.mnist_c import corrupt as spoil
    from inksight.errors import UsageError, command, unknown
    from inksight.utils.atomic import whole_folder

    names = only or list(CORRUPTIONS)
    for name in names:
        if name not in CORRUPTIONS:
            raise UsageError(unknown("corruption", name, CORRUPTIONS))
    with progress_bar() as progress, whole_folder(out) as folder:
        data = load(source, size_px=28)
        for number, name in enumerate(names):
            progress(number, len(names), name)
            np.savez_compressed(
                folder / f"{name}.npz",
                x_train=spoil(data.train.images, name, seed),
                y_train=data.train.labels,
                x_test=spoil(data.test.images, name, seed + 1),
                y_test=data.test.labels,
                classes=np.array(data.classes),
            )
    if as_json:
        emit({"folder": str(out), "files": [f"{name}.npz" for name in names], "seed": seed})
    else:
        ask = command("evaluate", "RUN", "--data", out / f"{names[-1]}.npz")
        note(f"{len(names)} sets in {out}. Measure on one: {ask}")


def _row(known: KnownSet) -> dict[str, Any]:
    """A known set, as `data list` tells it."""
    from inksight.data.fetch import is_fetched

    if known.embedded:
        where = "in the package"
    else:
        where = "fetched" if is_fetched(known) else f"{known.packed_bytes / 1e6:.1f} MB to fetch"
    return {
        "name": known.name,
        "title": known.title,
        "train": known.count[0],
        "test": known.count[1],
        "shape": [known.size_px, known.size_px],
        "classes": list(known.classes),
        "where": where,
        "bytes": known.packed_bytes,
        "license": known.license,
        "homepage": known.homepage,
    }


def _record(data: Dataset) -> dict[str, Any]:
    """A loaded set, as `data show` tells it."""
    import numpy as np

    parts = {"train": data.train, "validation": data.validation, "test": data.test}
    present = {name: part for name, part in parts.items() if part is not None}
    return {
        "name": data.name,
        "source": data.source,
        "shape": list(data.train.images.shape[1:]),
        "dtype": str(data.train.images.dtype),
        "range": [
            int(min(part.images.min() for part in present.values())),
            int(max(part.images.max() for part in present.values())),
        ],
        "classes": list(data.classes),
        "preprocessing": data.preprocessing,
        "license": data.license,
        "sha256": data.sha256,
        "parts": {
            name: {
                "images": len(part),
                "counts": dict(
                    zip(data.classes, np.bincount(part.labels, minlength=len(data.classes)).tolist(), strict=True)
                ),
            }
            for name, part in present.items()
        },
    }


def _print_record(record: dict[str, Any]) -> None:
    """The record for people."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    shape, (low, high) = "×".join(map(str, record["shape"])), record["range"]
    sizes = " + ".join(f"{part['images']:,} {name}" for name, part in record["parts"].items())
    print(f"{record['name']}: {sizes} pictures of {shape}, {record['dtype']} {low} to {high}")
    for key in ("preprocessing", "license", "sha256"):
        if record[key]:
            print(f"{key}: {record[key]}")
    table = Table("class", box=None, pad_edge=False)
    for name in record["parts"]:
        table.add_column(name, justify="right")
    for class_name in record["classes"]:
        table.add_row(Text(class_name), *(f"{part['counts'][class_name]:,}" for part in record["parts"].values()))
    Console().print(table)


def _sample_sheet(data: Dataset) -> np.ndarray:
    """Training pictures of each class, ten of a class in a row; of more than twenty classes fewer, in shared rows."""
    import numpy as np

    from inksight.utils.montage import sheet

    labels = data.train.labels
    of_class = min(SHEET_COLUMNS, max(1, SHEET_PICTURES // len(data.classes)))
    chosen = np.concatenate([np.flatnonzero(labels == label)[:of_class] for label in range(len(data.classes))])
    captions = [data.classes[label] for label in labels[chosen]]
    columns = SHEET_COLUMNS - SHEET_COLUMNS % of_class
    return sheet(
        data.train.images[chosen[:SHEET_PICTURES]], captions[:SHEET_PICTURES], columns, max(1, 84 // data.size_px)
    )


def _print_samples(data: Dataset) -> None:
    """A small picture of each class, as many as one line of the terminal holds."""
    import cv2
    import numpy as np
    from rich.console import Console

    from inksight.cli.output import shows_colour

    console = Console()
    if not console.is_terminal:
        return
    fitting = console.width // ((THUMBNAIL_PX + 1) * (1 if shows_colour(console) else 2))
    firsts = [int(np.argmax(data.train.labels == label)) for label in range(min(len(data.classes), max(1, fitting)))]
    small = [
        cv2.resize(data.train.images[first], (THUMBNAIL_PX, THUMBNAIL_PX), interpolation=cv2.INTER_AREA)
        for first in firsts
    ]
    print_picture(np.concatenate([np.pad(one, ((0, 0), (0, 1), *((0, 0),) * (one.ndim - 2))) for one in small], axis=1))
