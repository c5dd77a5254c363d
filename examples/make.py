"""Draw the sample pictures of this folder: `python examples/make.py`. Everything is drawn by rule, with a seed."""

from pathlib import Path

import cv2
import numpy as np

HERE = Path(__file__).parent
SHAPES = ("circle", "square", "star")
PICTURES_A_SHAPE = 30

# The strokes of each digit as points (x, y) of a curve, in a box of 1 by 1.5.
STROKES = {
    "0": [[(0.5, 0.05), (0.15, 0.35), (0.1, 0.9), (0.4, 1.42), (0.8, 1.15), (0.88, 0.55), (0.6, 0.1), (0.45, 0.06)]],
    "1": [[(0.52, 0.03), (0.5, 0.5), (0.47, 1.0), (0.46, 1.45)]],
    "2": [[(0.15, 0.4), (0.3, 0.1), (0.65, 0.06), (0.8, 0.4), (0.5, 0.9), (0.12, 1.4)], [(0.12, 1.4), (0.9, 1.36)]],
    "3": [[(0.15, 0.2), (0.5, 0.04), (0.78, 0.3), (0.42, 0.68)], [(0.42, 0.68), (0.85, 0.95), (0.6, 1.4), (0.12, 1.3)]],
    "4": [[(0.3, 0.05), (0.18, 0.5), (0.12, 0.85), (0.5, 0.86), (0.88, 0.8)], [(0.7, 0.1), (0.66, 0.8), (0.62, 1.45)]],
    "5": [[(0.82, 0.08), (0.3, 0.1)], [(0.3, 0.1), (0.24, 0.6), (0.6, 0.58), (0.85, 0.95), (0.55, 1.4), (0.12, 1.32)]],
    "6": [[(0.7, 0.05), (0.3, 0.45), (0.14, 1.0), (0.35, 1.42), (0.75, 1.25), (0.7, 0.85), (0.35, 0.85), (0.17, 1.1)]],
    "7": [[(0.1, 0.12), (0.5, 0.1), (0.88, 0.08)], [(0.88, 0.08), (0.6, 0.6), (0.42, 1.05), (0.32, 1.45)]],
    "8": [
        [(0.75, 0.25), (0.45, 0.05), (0.2, 0.3), (0.5, 0.68), (0.82, 1.05), (0.5, 1.43), (0.18, 1.1), (0.5, 0.68)],
        [(0.5, 0.68), (0.78, 0.42), (0.75, 0.25)],
    ],
    "9": [[(0.8, 0.3), (0.5, 0.06), (0.2, 0.35), (0.42, 0.7), (0.8, 0.35)], [(0.8, 0.3), (0.74, 0.9), (0.62, 1.45)]],
}


def smooth(points: list[tuple[float, float]]) -> np.ndarray:
    """A Catmull-Rom curve through the points, float (n, 2)."""
    whole = np.array([points[0], *points, points[-1]], float)
    t = np.linspace(0, 1, 24)[:, None]
    parts = []
    for a, b, c, d in zip(whole, whole[1:], whole[2:], whole[3:], strict=False):
        parts.append(0.5 * (2 * b + (c - a) * t + (2 * a - 5 * b + 4 * c - d) * t**2 + (3 * b - a - 3 * c + d) * t**3))
    return np.concatenate(parts)


def write_digit(ink: np.ndarray, digit: str, left: float, top: float, size: float, pen_px: int, generator) -> None:
    """Draws one digit into `ink` (float, 0–1), a little differently each time."""
    shear, wobble = generator.uniform(0.02, 0.18), generator.normal(0, 0.015, 2)
    for stroke in STROKES[digit]:
        curve = smooth(stroke) + wobble
        curve[:, 0] += shear * (1.5 - curve[:, 1]) - 0.1
        points = np.round(16 * (np.array([left, top]) + size * curve)).astype(np.int32)
        cv2.polylines(ink, [points], False, 1.0, pen_px, cv2.LINE_AA, 4)


def seven() -> np.ndarray:
    """A 7 drawn on a white canvas, uint8 (280, 280)."""
    ink = np.zeros((280, 280), np.float32)
    write_digit(ink, "7", 75, 50, 118, 17, np.random.default_rng(7))
    return np.round(255 * (1 - ink)).astype(np.uint8)


def number(text: str) -> np.ndarray:
    """A number in blue ballpoint on paper, photographed at an angle in uneven light, uint8 (720, 1280, 3) BGR."""
    generator = np.random.default_rng(3)
    height, width = 720, 1280
    ink = np.zeros((height, width), np.float32)
    left = 150.0
    for digit in text:
        top = 285 + generator.uniform(-8, 8)
        write_digit(ink, digit, left, top, 84 + generator.uniform(-4, 4), 7, generator)
        left += 112 + generator.uniform(-6, 8)
    ink = cv2.GaussianBlur(ink, (0, 0), 1.2) * generator.uniform(0.82, 1.0, ink.shape).astype(np.float32)
    fibres = cv2.GaussianBlur(generator.normal(0, 1, ink.shape).astype(np.float32), (0, 0), 1.5)
    paper = np.array([214, 226, 232], np.float32) + 6 * fibres[..., None]
    pen = np.array([120, 62, 38], np.float32)
    picture = paper * (1 - ink[..., None]) + pen * ink[..., None]
    y, x = np.mgrid[0:height, 0:width].astype(np.float32)
    light = 1.02 - 0.28 * (x / width) - 0.18 * (y / height)
    light *= 1 - 0.25 / (1 + np.exp(-(x + 0.6 * y - 1150) / 60))  # the shadow of a hand
    picture *= light[..., None]
    corners = np.float32([[0, 0], [width, 0], [width, height], [0, height]])
    tilted = np.float32([[20, 38], [width - 45, -12], [width - 8, height - 30], [-25, height + 15]])
    transform = cv2.getPerspectiveTransform(corners, tilted)
    picture = cv2.warpPerspective(picture, transform, (width, height), borderMode=cv2.BORDER_REPLICATE)
    return np.clip(picture + generator.normal(0, 3, picture.shape), 0, 255).astype(np.uint8)


def shape(kind: str, generator) -> np.ndarray:
    """One colour shape at any place, size and angle on a light ground, uint8 (48, 48, 3) BGR."""
    scale, size = 4, 48  # drawn large, then made small: smooth edges
    ground = generator.uniform(200, 250, 3)
    colour = generator.uniform(20, 160, 3)
    image = np.ones((size * scale, size * scale, 3)) * ground
    radius = generator.uniform(0.24, 0.36) * size * scale
    middle = np.array([size, size]) * scale / 2 + generator.uniform(-5, 5, 2) * scale
    corners = {"circle": 64, "square": 4, "star": 10}[kind]
    angles = generator.uniform(0, 2 * np.pi) + np.arange(corners) * 2 * np.pi / corners
    radii = radius * (np.where(np.arange(corners) % 2, 0.42, 1.0) if kind == "star" else np.ones(corners))
    points = middle + radii[:, None] * np.stack([np.cos(angles), np.sin(angles)], axis=1)
    cv2.fillPoly(image, [np.round(points).astype(np.int32)], colour.tolist(), cv2.LINE_AA)
    image = cv2.resize(image, (size, size), interpolation=cv2.INTER_AREA)
    return np.clip(image + generator.normal(0, 0.6, image.shape), 0, 255).astype(np.uint8)


def main() -> None:
    """Write all sample pictures beside this file."""
    cv2.imwrite(str(HERE / "seven.png"), seven())
    cv2.imwrite(str(HERE / "phone-number.jpg"), number("20264817"), [cv2.IMWRITE_JPEG_QUALITY, 82])
    generator = np.random.default_rng(0)
    for kind in SHAPES:
        folder = HERE / "shapes" / kind
        folder.mkdir(parents=True, exist_ok=True)
        for index in range(PICTURES_A_SHAPE):
            cv2.imwrite(str(folder / f"{index:02}.png"), shape(kind, generator))


if __name__ == "__main__":
    main()
