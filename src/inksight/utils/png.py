"""Pictures inside text: a PNG as an address that holds it."""

from __future__ import annotations

import base64

import numpy as np


def data_url(image: np.ndarray) -> str:
    """A picture, uint8 (height, width) or (height, width, 3) RGB, as a page shows it without asking for a file."""
    import cv2

    shown = image if image.ndim == 2 else cv2.cvtColor(image, cv2.COLOR_RGB2BGR)
    return url_of(cv2.imencode(".png", shown)[1].tobytes())


def url_of(png: bytes) -> str:
    """The same of a PNG file's bytes."""
    return f"data:image/png;base64,{base64.b64encode(png).decode()}"
