"""The import rules of the house: each room imports only from rows below its own, and Keras stays in its rooms."""

import ast
from pathlib import Path

import pytest

import inksight

ROOT = Path(inksight.__file__).parent
ROWS = {
    0: {"clock", "errors", "keras_backend", "png"},
    1: {"cards", "files", "interrupt", "missing", "picture"},
    2: {"notebook", "sheet", "store"},
    3: {"answers", "data", "ink", "nets", "measure"},
    4: {"runs", "reading"},
    5: {"predictor", "readme", "training", "export"},
    6: {"evaluation", "insight", "provenance", "sharing", "suites", "tracking", "unfinished"},
    7: {"comparison", "explanation", "report", "serve"},
    8: {"finish"},
    9: {"finetuning", "job"},
    10: {"doubt", "estimator", "experiments", "resuming"},
    11: {"doctor", "scale"},
    12: {"cli", "__init__", "__main__"},
}
ROW_OF = {room: row for row, rooms in ROWS.items() for room in rooms}
KERAS_ROOMS = {"nets", "training", "export"}
FILES = sorted(ROOT.rglob("*.py"))


def room_of(path: Path) -> str:
    return path.relative_to(ROOT).parts[0].removesuffix(".py")


def imports(path: Path) -> list[tuple[str, bool]]:
    """Modules that a file imports, with whether it does so only for types."""
    tree = ast.parse(path.read_text())
    for_types = {
        id(node)
        for block in ast.walk(tree)
        if isinstance(block, ast.If) and ast.unparse(block.test) == "TYPE_CHECKING"
        for node in ast.walk(block)
    }
    found = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found += [(alias.name, id(node) in for_types) for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            names = [f"inksight.{alias.name}" for alias in node.names] if node.module == "inksight" else [node.module]
            found += [(name, id(node) in for_types) for name in names]
    return found


def test_every_room_has_a_row():
    assert {room_of(path) for path in FILES} <= set(ROW_OF)


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_imports_go_down(path):
    own = room_of(path)
    for module, for_types in imports(path):
        parts = module.split(".")
        if parts[0] != "inksight" or len(parts) == 1 or for_types:
            continue
        other = parts[1]
        if other in ROW_OF and other != own and own not in ("__init__", "__main__"):
            assert ROW_OF[other] < ROW_OF[own], f"{own} (row {ROW_OF[own]}) imports {module} (row {ROW_OF[other]})"


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_keras_stays_in_its_rooms(path):
    heavy = {module.split(".")[0] for module, for_types in imports(path) if not for_types} & {"keras", "jax"}
    assert not heavy or room_of(path) in KERAS_ROOMS
