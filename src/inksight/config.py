"""Every choice of a training in one frozen record, and the presets: named records that differ from it.

Command-line flags are made from these fields; a field's `help` is its flag's help. A preset file holds one record.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import Field, asdict, dataclass, field, fields, replace
from functools import partial
from importlib import metadata
from pathlib import Path
from typing import Any

from inksight.errors import UsageError, unknown
from inksight.models import ACTIVATIONS, NETS
from inksight.models.engine import BACKENDS

DEVICES = ("auto", "cpu", "gpu")
FILE_FORMAT = 1  # of a preset file
PRECISIONS = ("auto", "float32", "bfloat16")
LOSSES = (
    "sparse_categorical_crossentropy",
    "categorical_focal_crossentropy",
    "categorical_hinge",
    "kl_divergence",
    "mean_absolute_error",
    "mean_squared_error",
    "poisson",
)
OPTIMIZERS = ("adadelta", "adagrad", "adam", "adamax", "adamw", "lion", "muon", "nadam", "rmsprop", "sgd")
FIRST_LAYERS = ("learned", "whitened")
SCHEDULES = ("constant", "cosine", "one_cycle")
CLASS_WEIGHTS = ("none", "balanced")
METRICS = (  # the keys of measure.METRICS: NumPy would make every command start a tenth of a second later
    "accuracy",
    "balanced_accuracy",
    "macro_f1",
    "macro_precision",
    "macro_recall",
    "top2_accuracy",
    "top3_accuracy",
    "log_loss",
    "brier",
)
SMALL_SETS = ("plain", "moved")


PANELS = ("Data", "Model", "Training", "Augmentation", "Output", "Machine")


def _choice(
    default: Any, help: str, among: tuple[str, ...] | None = None, *, panel: str, common: bool = False, **bounds: float
) -> Any:
    """A field with its help, its table of names, or its range (`low`, `high`: both allowed).

    Args:
        panel: one of PANELS, under which `inksight train --help-all` lists its flag.
        common: whether `inksight train --help` lists it too.
    """
    return field(default=default, metadata={"help": help, "among": among, "panel": panel, "common": common, **bounds})


_data, _model, _training, _augmentation, _output, _machine = (partial(_choice, panel=name) for name in PANELS)


@dataclass(frozen=True, kw_only=True)
class TrainConfig:
    """All that decides a training besides its data. None means: the network's own value."""

    net: str = _model("tutorial", "Network architecture.", tuple(NETS), common=True)
    filters: int | None = _model(None, "Filters of the first convolution.", low=1, high=4096)
    kernel_size: int | None = _model(None, "Side of the first convolution's kernel, in pixels.", low=1, high=64)
    pool_size: int | None = _model(None, "Side of the max-pooling window.", low=1, high=32)
    activation: str | None = _model(None, "Activation after each convolution.", ACTIVATIONS)
    dense_units: int | None = _model(None, "Units of the dense layer; 0 leaves it out.", low=0, high=65536)
    dense_activation: str | None = _model(None, "Activation of the dense layer.", ACTIVATIONS)
    dropout: float | None = _model(None, "Share of units dropped before the last layer.", low=0, high=0.99)

    first_layer: str = _model(
        "learned", "First convolution: learned, or whitened patches of the data, which are not.", FIRST_LAYERS
    )
    members: int = _model(1, "Networks that are trained side by side and averaged.", low=1, high=64)

    optimizer: str = _training("adam", "Optimizer.", OPTIMIZERS, common=True)
    learning_rate: float = _training(0.001, "Peak learning rate.", low=1e-9, high=100, common=True)
    momentum: float | None = _training(None, "Momentum (β₁ of the Adam family).", low=0, high=0.9999)
    beta_2: float | None = _training(None, "β₂ of the Adam family.", low=0, high=0.999999)
    weight_decay: float = _training(0.0, "Decoupled weight decay.", low=0, high=1)
    schedule: str = _training("constant", "Course of the learning rate.", SCHEDULES)
    loss: str = _training("sparse_categorical_crossentropy", "Loss.", LOSSES)
    label_smoothing: float = _training(0.0, "Share of the target spread over all classes.", low=0, high=0.9)
    class_weight: str = _training("none", "Weights against imbalance.", CLASS_WEIGHTS)
    weight_averaging: float = _training(0.0, "Decay of the weights' running mean (EMA); 0 is off.", low=0, high=0.99999)

    epochs: int = _training(10, "Times each training picture is seen.", low=1, high=100000, common=True)
    least_steps: int = _training(0, "Repeat epochs until so many steps are done: for small sets.", low=0, high=10**9)
    batch_size: int = _training(32, "Pictures a step.", low=1, high=65536, common=True)
    validation: float = _data(0.0, "Share of the training part held out for choices.", low=0, high=0.9, common=True)
    early_stopping: int = _training(
        0, "Stop after N epochs without a better validation loss; 0 is off.", low=0, high=1000
    )
    target: float = _training(
        0.0, "Stop once this accuracy is reached on the validation part, 0.985 for instance; 0 is off.", low=0, high=1
    )
    metrics: str = _output("accuracy", f"Metrics to report, by comma: {', '.join(METRICS)}.")

    rotation_deg: float = _augmentation(0.0, "Rotation up to ± this, in degrees.", low=0, high=180)
    scale: float = _augmentation(0.0, "Growth and shrinkage up to this share.", low=0, high=0.9)
    shear: float = _augmentation(0.0, "Shear up to ± this.", low=0, high=1)
    shift_px: float = _augmentation(0.0, "Shift up to ± this, in pixels.", low=0, high=64)
    strokes: float = _augmentation(0.0, "Share of pictures with thicker, thinner or softer strokes.", low=0, high=1)
    spoils: float = _augmentation(
        0.0, "Share of pictures with noise, other light, something over them and the like.", low=0, high=1
    )
    outliers: float = _augmentation(
        0.0, "Share of each batch that is made to be of no class, and to be answered evenly.", low=0, high=0.5
    )
    small_sets: str = _augmentation(
        "plain",
        "Augmentation, where there is no other, of a set of fewer than 11,264 pictures that are seen four times or "
        "more: moved is turned, scaled, sheared and shifted.",
        SMALL_SETS,
    )
    plain_epochs: float = _augmentation(0.0, "Last epochs without augmentation.", low=0, high=100000)

    seed: int = _training(0, "Decides weights, order, augmentation and dropout.", low=0, high=2**31 - 1, common=True)
    backend: str | None = _machine(
        None,
        "Keras backend. Default: the one already loaded, else that of KERAS_BACKEND or keras.json, else jax.",
        BACKENDS,
    )
    device: str = _machine(
        "auto", "What to train on; auto: a GPU where the backend sees one, else the CPU.", DEVICES, common=True
    )
    precision: str = _machine(
        "auto",
        "Numbers that products of a training step are computed in; weights stay float32. auto: bfloat16 on a GPU that "
        "has it, under JAX, else float32.",
        PRECISIONS,
    )

    def __post_init__(self) -> None:
        for item in fields(self):
            _check(item, getattr(self, item.name))
        for name in self.metric_names:
            if name not in METRICS:
                raise UsageError(unknown("metric", name, METRICS))

    @property
    def metric_names(self) -> tuple[str, ...]:
        """The metrics asked for, as a tuple."""
        return tuple(name.strip() for name in self.metrics.split(",") if name.strip())

    @property
    def knobs(self) -> dict[str, Any]:
        """What the network's function is given: its knobs that were set."""
        names = ("filters", "kernel_size", "pool_size", "activation", "dense_units", "dense_activation", "dropout")
        return {name: getattr(self, name) for name in names if getattr(self, name) is not None}

    @property
    def augments(self) -> bool:
        """Whether any augmentation is on. None of them mirrors a picture: a mirrored digit is another sign."""
        return any((self.rotation_deg, self.scale, self.shear, self.shift_px, self.strokes, self.spoils))

    def to_dict(self) -> dict[str, Any]:
        """Plain values, as they stand in config.json."""
        return asdict(self)

    @classmethod
    def of(cls, values: Mapping[str, Any]) -> TrainConfig:
        """Out of config.json, whatever else stands there; what it lacks is as it is by default."""
        return cls(**{item.name: values[item.name] for item in fields(cls) if item.name in values})

    def to_file(self, preset: str, found: Mapping[str, Any]) -> dict[str, Any]:
        """The content of a preset file. preset: what it was made from. found: how, in plain values."""
        version = metadata.version("inksight")
        return {"format": FILE_FORMAT, "inksight": version, "preset": preset, "config": self.to_dict(), "found": found}

    @classmethod
    def load(cls, path: str | Path) -> TrainConfig:
        """Out of a preset file, as `inksight tune` writes them.

        Raises:
            UsageError: there is none, it is damaged, of a format that is not known here, or with unknown fields.
        """
        try:
            content = json.loads(Path(path).read_text(encoding="utf-8"))
        except OSError as error:
            raise UsageError(f"the preset file {path} cannot be read: {error.strerror}.") from error
        except ValueError as error:
            raise UsageError(
                f"the preset file {path} is damaged: it is no JSON ({error}). Take another copy of it."
            ) from error
        if not isinstance(content, dict) or not isinstance(content.get("config"), dict):
            raise UsageError(
                f"{path} is no preset file: an object with a config in it was wanted. Give the best.json of inksight "
                "tune."
            )
        if content.get("format") != FILE_FORMAT:
            raise UsageError(
                f"the preset file {path} was written by inksight {content.get('inksight')} in format "
                f"{content.get('format')}; this is {metadata.version('inksight')}, which reads format {FILE_FORMAT}. "
                "Install the version that wrote it."
            )
        try:
            for name in content["config"]:
                if name not in {item.name for item in fields(cls)}:
                    raise UsageError(unknown("setting", name, [item.name for item in fields(cls)]))
            return cls.of(content["config"])
        except UsageError as error:
            raise UsageError(f"the preset file {path}: {error}") from error


def _check(item: Field[Any], value: Any) -> None:
    """Raises UsageError unless `value` is what the field allows."""
    among: tuple[str, ...] | None = item.metadata["among"]
    if value is None and "None" in str(item.type):
        return
    if str(item.type).startswith("str") and not isinstance(value, str):
        raise UsageError(f"{item.name} is {value!r}; a text was wanted, several names with commas between them.")
    if among is not None and value not in among:
        raise UsageError(unknown(item.name, str(value), among))
    if "low" not in item.metadata:
        return
    low, high = item.metadata["low"], item.metadata["high"]
    whole = str(item.type).startswith("int")
    if isinstance(value, bool) or not isinstance(value, int if whole else (int, float)) or not low <= value <= high:
        kind = "a whole number" if whole else "a number"
        raise UsageError(f"{item.name} is {value!r}; {kind} from {low:g} to {high:g} was wanted.")


MOVES: dict[str, Any] = {"rotation_deg": 11.0, "scale": 0.12, "shear": 0.13, "shift_px": 2.0}

PRESETS: dict[str, TrainConfig] = {}

# What each costs and reaches, on two cores.
PRESET_NOTES = {
    "quick": "One epoch, one cycle: at least 99.0 % on MNIST in about 5 s.",
    "tutorial": "The article's network and recipe; one picture in twenty is held out for the validation curve. About "
    "98.5 % on MNIST in two and a half minutes.",
    "standard": "Six epochs with augmentation: about 99.65 % on MNIST in one minute.",
    "thorough": "Two networks for longer, averaged: about 99.75 % on MNIST in six minutes.",
    "robust": "One wider network, for longer, on spoiled pictures and on pictures of no class: it holds up on what it "
    "has not seen, and is not sure of everything. About 99.7 % on MNIST and 1.3 % mean error on MNIST-C, in thirteen "
    "minutes.",
}

PRESETS["tutorial"] = TrainConfig(validation=0.05)

PRESETS["quick"] = TrainConfig(
    net="strided",
    first_layer="whitened",
    learning_rate=0.01,
    momentum=0.7,
    beta_2=0.9,
    schedule="one_cycle",
    label_smoothing=0.05,
    weight_averaging=0.95,
    epochs=1,
    least_steps=350,
    batch_size=128,
    validation=0.15,
    small_sets="moved",
)

PRESETS["standard"] = TrainConfig(
    net="compact",
    first_layer="whitened",
    optimizer="adamw",
    learning_rate=0.005,
    weight_decay=0.01,
    schedule="one_cycle",
    label_smoothing=0.05,
    weight_averaging=0.998,
    epochs=6,
    least_steps=1200,
    plain_epochs=1,
    batch_size=128,
    validation=0.04,
    strokes=0.4,
    **MOVES,
)

PRESETS["thorough"] = replace(PRESETS["standard"], members=2, epochs=25, least_steps=4000, learning_rate=0.004)

PRESETS["robust"] = replace(
    PRESETS["standard"],
    filters=32,
    epochs=40,
    least_steps=6000,
    plain_epochs=0,
    validation=0.05,
    rotation_deg=16.0,
    scale=0.22,
    shear=0.2,
    shift_px=3.0,
    strokes=0.4,
    spoils=0.5,
    outliers=0.06,
)


# A field that takes another value when one of some others is chosen and it is not itself: (those, the value).
IMPLIED: dict[str, tuple[tuple[str, ...], Any]] = {
    "least_steps": (("epochs",), 0),  # who says how many epochs means just that
    "small_sets": (  # who names one augmentation means just that
        ("rotation_deg", "scale", "shear", "shift_px", "strokes", "spoils"),
        "plain",
    ),
    "first_layer": (("net", "filters", "kernel_size", "activation"), "learned"),  # whitened ones are pairs, and few
}


def preset(name: str) -> TrainConfig:
    """The preset called `name`."""
    if name not in PRESETS:
        raise UsageError(unknown("preset", name, PRESETS))
    return PRESETS[name]
