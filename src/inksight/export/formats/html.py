"""A run -> one HTML file that draws and answers by itself: weights, network and ink in it, nothing asked of anyone.

The page's sources are plain files in `page/`. Here they become one: modules are joined in the order of their imports,
and the page's own policy names the hashes of what may run, so that nothing else does.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
from pathlib import Path
from typing import Any

import numpy as np

from inksight.export.format import Format, Source, in_parts
from inksight.export.plan import Plan
from inksight.export.replay import replay
from inksight.metrics.calibration import with_temperature
from inksight.runs import ModelCard

PAGE = Path(__file__).parent.parent / "page"
LITTLE_ENDIAN = "<f4"
IMPORT = re.compile(r'^import (\{[^}]*\}) from "\./(\w+)\.js";$', re.MULTILINE)
EXPORT = re.compile(r"^export (?=(?:class|const|function) (\w+))", re.MULTILINE)
MODEL_OPENS, MODEL_ENDS = '<script id="model" type="application/json">', "</script>"


def _write(source: Source, out: Path) -> None:
    out.write_text(page(source.card, source.plan), encoding="utf-8")


def _answer(path: Path, images: np.ndarray) -> np.ndarray:
    """What the page's plan says when NumPy walks it."""
    text = path.read_text(encoding="utf-8")
    plan, temperature = _plan_in(text), model_in(text)["temperature"]
    raw = in_parts(lambda part: replay(plan, part), images, share=8)  # a replay keeps all that lies between its ends
    return with_temperature(raw, temperature)


def page(card: ModelCard, plan: Plan) -> str:
    """The HTML text."""
    style, script = (PAGE / "style.css").read_text(encoding="utf-8"), _joined("page", [])
    policy = (
        f"default-src 'none'; script-src {_hash(script)}; style-src {_hash(style)}; img-src data:; "
        "base-uri 'none'; form-action 'none'"
    )
    text = (PAGE / "index.html").read_text(encoding="utf-8")
    for place, filling in {
        "default-src 'self'": policy,
        '<link rel="stylesheet" href="style.css">': f"<style>{style}</style>",
        '<script type="module" src="page.js"></script>': f'<script type="module">{script}</script>',
        MODEL_OPENS + MODEL_ENDS: MODEL_OPENS + _model(card, plan) + MODEL_ENDS,
    }.items():
        text = text.replace(place, filling)
    return text


def _plan_in(text: str) -> Plan:
    """The plan out of a page."""
    model = model_in(text)
    return Plan(model["operations"], np.frombuffer(base64.b64decode(model["weights"]), LITTLE_ENDIAN))


def model_in(text: str) -> dict[str, Any]:
    """All that a page knows of its model, as JSON holds it."""
    model: dict[str, Any] = json.loads(text.partition(MODEL_OPENS)[2].partition(MODEL_ENDS)[0])
    return model


def _model(card: ModelCard, plan: Plan) -> str:
    """The model as JSON that may stand inside HTML."""
    model: dict[str, Any] = {
        "classes": card.classes,
        "size_px": card.size_px,
        "channels": card.channels,
        "preprocessing": card.preprocessing,
        "temperature": card.temperature,
        "unsure_below": card.unsure_below,
        "rejected_below": card.rejected_below,
        "about": card.about,
        "operations": plan.operations,
        "weights": base64.b64encode(plan.weights.astype(LITTLE_ENDIAN).tobytes()).decode(),
    }
    return json.dumps(model, ensure_ascii=False, separators=(",", ":")).replace("<", "\\u003c")


def _joined(name: str, seen: list[str]) -> str:
    """A module and, before it, all it imports, each once: a function that runs at once and gives what is exported."""
    source = (PAGE / f"{name}.js").read_text(encoding="utf-8")
    seen.append(name)
    needed = "".join(_joined(other, seen) for _, other in IMPORT.findall(source) if other not in seen)
    body = EXPORT.sub("", IMPORT.sub(r"const \1 = \2Module;", source))
    given = ", ".join(EXPORT.findall(source))
    return f"{needed}const {name}Module = (() => {{\n{body}\nreturn {{ {given} }};\n}})();\n"


def _hash(text: str) -> str:
    """What a content security policy calls an inline script or style."""
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


def _snippet(name: str, card: ModelCard) -> str:
    """A program in the page's own console, or in a script that is put into it."""
    return f"""\
// in {name}, whose policy lets only its own scripts run: from its console, or a browser that is driven
const pixels = new Uint8Array({card.size_px} * {card.size_px} * {card.channels});  // row by row
window.inksight.probabilities(pixels);  // Float32Array, by class
window.inksight.predict(imageData);  // any picture, framed as the page frames it
"""


ROW = Format(
    about="one file with the weights inside that draws and answers in any browser",
    suffix=".html",
    write=_write,
    answer=_answer,
    snippet=_snippet,
    frames=("digits", "resize"),
)
