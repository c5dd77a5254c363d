"""In a process of its own each: what is imported is a matter of the whole process."""

import subprocess
import sys

import pytest


def runs(code: str) -> None:
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr


PREPARED = """
import sys
from inksight.models import engine
engine.prepare("jax")
engine.load_keras()
"""


def test_keras_comes_without_what_it_does_not_need():
    put_off = {"matplotlib", "matplotlib.pyplot", "requests", "scipy.sparse", "sklearn"}
    runs(PREPARED + f"found = {put_off} & set(sys.modules)\nassert not found, found")


@pytest.mark.slow
def test_what_was_put_off_is_there_when_it_is_used(tmp_path):
    runs(
        PREPARED
        + f"""
import matplotlib
matplotlib.use("agg")
import keras, numpy as np
keras.visualization.plot_image_gallery(
    np.zeros((2, 8, 8, 3)), rows=1, cols=2, value_range=(0, 1), path={str(tmp_path / "gallery.png")!r}
)
assert "matplotlib.pyplot" in sys.modules
from jax.experimental import sparse
assert callable(sparse.linalg.spsolve)
from sklearn.base import is_classifier
assert is_classifier(keras.wrappers.SKLearnClassifier(keras.Sequential([keras.layers.Dense(2)])))
"""
    )
    assert (tmp_path / "gallery.png").stat().st_size > 100


def test_what_is_loaded_already_stays():
    runs("import matplotlib\n" + PREPARED + "import matplotlib as again\nassert again is matplotlib and again.__file__")


def test_a_stand_in_loads_the_module_even_inside_the_block():
    runs(
        """
import sys
from inksight.models.deferred import deferred
with deferred(["json.tool"]):
    import json.tool
    assert "main" not in vars(sys.modules["json.tool"])
    assert callable(sys.modules["json.tool"].main)
import json.tool
assert json.tool.__file__
"""
    )
