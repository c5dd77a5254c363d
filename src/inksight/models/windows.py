"""Which pictures a network's convolutions and pools fit in, checked before Keras builds it."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

from inksight.errors import UsageError

# Network -> (window, stride, padding on both sides together) of its layers in order, by kernel size and pool size.
WINDOWS: dict[str, Callable[[int, int], list[tuple[int, int, int]]]] = {
    "tutorial": lambda kernel, pool: [(kernel, 1, 0), (pool, pool, 0)],
    "strided": lambda kernel, pool: [(kernel, 2, 0), (3, 1, 0), (pool, pool, 0)],
    "compact": lambda kernel, pool: [(kernel, 2, 0), (3, 1, 0), (pool, pool, 0), (3, 1, 2), (3, 1, 0)],
}


def smallest_px(name: str, kernel_size: int, pool_size: int) -> int:
    """The smallest side of a picture from which the network's last window gets one pixel."""
    side = 1
    for window, stride, padding in reversed(WINDOWS[name](kernel_size, pool_size)):
        side = (side - 1) * stride + window - padding
    return side


def require_fit(name: str, size_px: int, build: Callable[..., Any], knobs: dict[str, Any]) -> None:
    """Raise UsageError if the windows of the network are larger than pictures of `size_px`.

    A network that has no row in WINDOWS is not checked.

    Args:
        build: the network's function, which has the defaults.
        knobs: its keyword arguments.
    """
    if name not in WINDOWS:
        return
    defaults = inspect.signature(build).parameters
    sizes = {knob: knobs.get(knob, defaults[knob].default) for knob in ("kernel_size", "pool_size")}
    smallest = smallest_px(name, **sizes)
    if smallest <= size_px:
        return
    for knob in [knob for knob in sizes if knob in knobs]:
        smaller = range(sizes[knob] - 1, 0, -1)
        fitting = (value for value in smaller if smallest_px(name, **{**sizes, knob: value}) <= size_px)
        if (largest := next(fitting, None)) is not None:
            raise UsageError(
                f"{knob} {sizes[knob]} is too large for pictures of {size_px}×{size_px} px: the network {name} takes "
                f"at most {largest}. Take a smaller {knob}, or larger pictures: --size {smallest}."
            )
    words = " and ".join(f"{knob} {value}" for knob, value in sizes.items())
    raise UsageError(
        f"pictures of {size_px}×{size_px} px are too small for the network {name} with {words}: at least "
        f"{smallest}×{smallest} px are needed. Take larger pictures: --size {smallest}."
    )
