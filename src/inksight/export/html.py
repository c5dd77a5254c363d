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
import onnxruntime

from inksight.export.plan import Plan, plan_of
from inksight.export.proof import Proof, golden_pictures, prove
from inksight.export.replay import replay
from inksight.files import whole_file
from inksight.measure.calibration import with_temperature
from inksight.runs import MODEL, ModelCard, load_model_card

PAGE = Path(__file__).parent / "page"
LITTLE_ENDIAN = "<f4"
IMPORT = re.compile(r'^import (\{[^}]*\}) from "\./(\w+)\.js";$', re.MULTILINE)
EXPORT = re.compile(r"^export (?=(?:class|const|function) (\w+))", re.MULTILINE)
MODEL_BLOCK = re.compile(r'<script id="model" type="application/json">(.*?)</script>', re.DOTALL)


def export_html(folder: Path, out: Path) -> Proof:
    """Writes the page, reads it back and walks its plan beside ONNX Runtime on the golden pictures.

    Raises:
        EngineError: an operator the page has no words for, or other answers; no file is left then.
    """
    card, content = load_model_card(folder), (folder / MODEL).read_bytes()
    with whole_file(out) as temporary:
        temporary.write_text(page(card, plan_of(content)), encoding="utf-8")
        return _proved(temporary.read_text(encoding="utf-8"), content, card)


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
        '<script id="model" type="application/json"></script>': (
            f'<script id="model" type="application/json">{_model(card, plan)}</script>'
        ),
    }.items():
        text = text.replace(place, filling)
    return text


def _proved(text: str, content: bytes, card: ModelCard) -> Proof:
    """What the written page says, against ONNX Runtime; both with the model's temperature."""
    images = golden_pictures(card.size_px, card.channels)
    session = onnxruntime.InferenceSession(content, providers=["CPUExecutionProvider"])
    expected = session.run(["probabilities"], {"images": images})[0]
    found = replay(_plan_in(text), images)
    return prove("the page", *(with_temperature(each, card.temperature) for each in (found, expected)))


def _plan_in(text: str) -> Plan:
    """The plan out of a page."""
    match = MODEL_BLOCK.search(text)
    assert match is not None
    model = json.loads(match[1])
    return Plan(model["operations"], np.frombuffer(base64.b64decode(model["weights"]), LITTLE_ENDIAN))


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
    return (
        f"{needed}const {name}Module = (() => {{\n{body}\nreturn {{ {', '.join(EXPORT.findall(source))} }};\n}})();\n"
    )


def _hash(text: str) -> str:
    """What a content security policy calls an inline script or style."""
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"
