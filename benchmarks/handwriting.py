"""How many pictures of real handwriting are read right, by medium and style: a table on stderr, a JSON line on stdout.

    python benchmarks/handwriting.py FOLDER [--model RUN] [--writers all|even|odd] [--wrong]

FOLDER holds pictures and a manifest.json, a list of {"file", "kind", "label", "medium", "background", "writer",
"style"}.
A picture of the kind "single" shows one digit and is predicted; "number" and "page" are read. Writers end in a number:
choose on the even ones, and look at the odd ones once in a while. --wrong lists each wrong picture with what was read.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections import defaultdict
from pathlib import Path
from typing import Any

from sitting import report

import inksight
from inksight.errors import PictureError


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--model", default="shipped")
    parser.add_argument("--writers", default="all", choices=["all", "even", "odd"])
    parser.add_argument("--wrong", action="store_true")
    wishes = parser.parse_args()
    reader = inksight.Predictor.load(wishes.model)
    rows = json.loads((wishes.folder / "manifest.json").read_text(encoding="utf-8"))
    found: dict[str, dict[str, list[bool]]] = {"single": defaultdict(list), "number": defaultdict(list)}
    sure = defaultdict(list)
    for row in rows:
        if wishes.writers not in ("all", ("even", "odd")[int(row["writer"].lstrip("w")) % 2]):
            continue
        kind = "single" if row["kind"] == "single" else "number"
        said, verdict = read(reader, wishes.folder / row["file"], kind)
        right = said == plain(row["label"])
        for group in ("all", row["medium"], row["background"], *row["style"]):
            found[kind][group].append(right)
        if verdict == "class":
            sure[kind].append(right)
        if wishes.wrong and not right:
            print(row["file"], plain(row["label"]), said, verdict, *row["style"], file=sys.stderr)
    print("| | right | n | % |\n|---|---|---|---|", file=sys.stderr)
    for kind, groups in found.items():
        for group, rights in sorted(groups.items(), key=lambda item: -len(item[1])):
            share = 100 * sum(rights) / len(rights)
            print(f"| {kind}, {group} | {sum(rights)} | {len(rights)} | {share:.1f} |", file=sys.stderr)
        if sure[kind]:
            share = 100 * sum(sure[kind]) / len(sure[kind])
            print(f"| {kind}, said sure | {sum(sure[kind])} | {len(sure[kind])} | {share:.1f} |", file=sys.stderr)
    report(
        "handwriting",
        model=reader.name,
        writers=wishes.writers,
        **{kind: {group: counted(rights) for group, rights in groups.items()} for kind, groups in found.items()},
        sure={kind: counted(rights) for kind, rights in sure.items()},
    )


def read(reader: inksight.Predictor, path: Path, kind: str) -> tuple[str, str]:
    """What is read on a picture, and its verdict; the error and "error" where it cannot be read."""
    try:
        if kind == "single":
            answer = reader.predict(path)
            return str(answer.label), answer.verdict
        reading = reader.read(path)
        return plain(reading.text), reading.verdict
    except PictureError as error:
        return str(error), "error"


def plain(text: str) -> str:
    """Without spaces and ends of lines."""
    return "".join(text.split())


def counted(rights: list[bool]) -> dict[str, Any]:
    """How many of how many."""
    return {"right": sum(rights) / len(rights), "pictures": len(rights)}


if __name__ == "__main__":
    main()
