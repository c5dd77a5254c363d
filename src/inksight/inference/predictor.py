"""A picture -> an Answer, on ONNX Runtime alone: no Keras, no JAX, so that the first answer comes fast."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from functools import cached_property
from html import escape
from pathlib import Path
from typing import Any, Literal

import cv2
import numpy as np
import onnxruntime

from inksight.errors import PictureError, RunError, UsageError, shortened
from inksight.imaging import digit_input, is_framed
from inksight.imaging.decode import (
    ParsedPicture,
    fit_square,
    is_coloured,
    load_picture,
    parse_picture,
    pictures_at_once,
)
from inksight.imaging.digit import MNIST_PX
from inksight.imaging.explain import Story, story_of
from inksight.imaging.segment import segment
from inksight.inference.reading import LEAST_HIGH, Glyph, Spotter, is_cross, read_lines
from inksight.metrics.calibration import evidence, with_temperature
from inksight.runs import LINE, MODEL, SHIPPED, ModelCard, RunLike, load_model_card, model_name, resolve
from inksight.utils import notebook
from inksight.utils.onnx_session import open_session

Picture = str | Path | bytes | np.ndarray | ParsedPicture
Verdict = Literal["class", "unsure", "rejected"]

MOST_AT_ONCE = 512
JSON_DIGITS = 6
MOST_LIKELY, SEEN_PX = 5, 112  # in a notebook
DIGITS = tuple("0123456789")
NO_DIGIT = 0.5  # of the evidence wanted: in a number, what has less is a sign
# Of a digit that the line network does not see: the classifier's confidence, and the evidence in shares of what is
# wanted; of a 1, what the network sees of it, or a confidence and so much evidence.
UNSEEN_SURE, NEARLY = 0.85, 0.85
UNSEEN_ONE, PLAIN_ONE, MUCH_MORE = 0.05, 0.99, 1.5
TALLEST_ONE = 1.15  # heights of a digit
DISAGREEING = 0.5  # of the confidence, where the two networks name different digits or see another number of them
SPOT_DECIDES, IN_DOUBT = 0.9, 0.7  # the line network, where it is surer than this and the classifier is less sure
UNNAMED = "the picture"


@dataclass(frozen=True, eq=False)
class Answer:
    """What a model says about one picture.

    source: the file or name it came from. verdict: "class", "unsure" (confidence below the model's threshold) or
    "rejected" (evidence below it: none of its classes). label: the likeliest class whatever the verdict.
    confidence: its probability, 0–1. probabilities: by class name.
    input: what the network saw, uint8 (size, size) or (size, size, 3). notes: sentences about the picture that its
    owner may not expect; mostly none. model: the name of the model that answered.
    """

    source: str
    verdict: Verdict
    label: str | None
    confidence: float
    probabilities: dict[str, float]
    input: np.ndarray
    notes: tuple[str, ...] = ()
    model: str = ""

    def __repr__(self) -> str:
        verdict = {"class": "sure", "unsure": "unsure", "rejected": "none of the known classes"}[self.verdict]
        return f"{self.label} ({100 * self.confidence:.1f} %, {verdict})"

    def to_dict(self) -> dict[str, Any]:
        """The answer as it goes into JSON: everything but the input."""
        return {
            "source": self.source,
            "model": self.model,
            "verdict": self.verdict,
            "label": self.label,
            "confidence": round(self.confidence, JSON_DIGITS),
            "probabilities": {name: round(value, JSON_DIGITS) for name, value in self.probabilities.items()},
            "notes": list(self.notes),
        }

    def _repr_html_(self) -> str:
        """Return the input of the network and the likeliest classes as HTML for a notebook."""
        cells = []
        for name, value in sorted(self.probabilities.items(), key=lambda each: -each[1])[:MOST_LIKELY]:
            cells += [
                notebook.cell(name),
                notebook.bar(value, "12em"),
                notebook.cell(f"{value:.1%}", "text-align:right"),
            ]
        verdict = {"class": "", "unsure": "unsure · ", "rejected": "none of its classes · "}[self.verdict]
        seen = notebook.picture(self.input, "what the network saw", SEEN_PX)
        likely = notebook.grid("auto auto auto", cells)
        return notebook.card(
            "answer",
            str(self.label),
            f"{verdict}{self.confidence:.1%} sure · {self.source}",
            f'<div style="display:flex;gap:1.2em;align-items:start">{seen}{likely}</div>',
            *(f"<div>{escape(note)}</div>" for note in self.notes),
        )


@dataclass(frozen=True)
class Sign:
    """One thing read on a picture. label: its class; sign: None for a digit, else "dash", "dot", "comma", "cross" or
    "mark". confidence: of the label, 0–1. box: left, top, width, height in pixels of the picture. unsure: of a digit,
    whether its confidence is below the model's threshold or the two networks disagree; of a mark, whether it may be a
    digit."""

    label: str
    sign: str | None
    confidence: float
    box: tuple[int, int, int, int]
    unsure: bool = False


@dataclass(frozen=True)
class Reading:
    """What was read on a picture: lines from top to bottom, each from left to right. notes, model: as of an Answer."""

    source: str
    lines: tuple[tuple[Sign, ...], ...]
    notes: tuple[str, ...] = ()
    model: str = ""

    def __repr__(self) -> str:
        signs = [each.sign for line in self.lines for each in line if each.sign is not None]
        counted = ", ".join(f"{signs.count(sign)} × {sign}" for sign in dict.fromkeys(signs))
        text = self._text(lambda each: "?" if each.unsure else each.label if each.sign is None else "")
        text = text.replace("\n", " / ")
        if not text:
            return f"no number found{f' ({counted})' if counted else ''}"
        unsure = f" (unsure: {self.text.replace(chr(10), ' / ')}, {self.confidence:.1%})" if "?" in text else ""
        return f"{text}{unsure}{f' (and {counted})' if counted else ''}"

    @property
    def text(self) -> str:
        """The digits, a line each, the unsure ones too; signs are left out."""
        return self._text(lambda each: each.label if each.sign is None else "")

    @property
    def digits(self) -> tuple[Sign, ...]:
        """Everything read that is a digit, in reading order."""
        return tuple(each for line in self.lines for each in line if each.sign is None)

    @property
    def confidence(self) -> float:
        """How likely it is that every digit is right, 0–1: the product of their confidences; 0 without any."""
        return float(np.prod([each.confidence for each in self.digits])) if self.digits else 0.0

    @property
    def verdict(self) -> Verdict:
        """ "class" where every digit is sure, "unsure" where one is not or a mark may be one, "rejected" where there is
        no number."""
        if not self.digits:
            return "rejected"
        return "unsure" if any(each.unsure for line in self.lines for each in line) else "class"

    def to_dict(self) -> dict[str, Any]:
        """The reading as it goes into JSON."""
        everything = [each for line in self.lines for each in line]
        return {
            "source": self.source,
            "model": self.model,
            "verdict": self.verdict,
            "text": self.text,
            "confidence": round(self.confidence, JSON_DIGITS),
            "digits": [
                {
                    "label": each.label,
                    "verdict": "unsure" if each.unsure else "class",
                    "confidence": round(each.confidence, JSON_DIGITS),
                    "box": list(each.box),
                }
                for each in self.digits
            ],
            "signs": [{"sign": each.sign, "box": list(each.box)} for each in everything if each.sign is not None],
            "notes": list(self.notes),
        }

    def _text(self, shown: Callable[[Sign], str]) -> str:
        """The lines that have digits, each sign as it is to be shown."""
        lines = ("".join(map(shown, line)) for line in self.lines if any(each.sign is None for each in line))
        return "\n".join(lines)


class Predictor:
    """A model held open for answering. One may serve many threads at once.

    name: what answers call it: "shipped" or the run folder's path. card: what model.json says: classes, size_px,
    channels, preprocessing, temperature, thresholds, provenance. content: the ONNX file.
    """

    def __init__(self, onnx_bytes: bytes, card: ModelCard, name: str, num_threads: int | None = None) -> None:
        """Opens a model from memory; `load` is the usual door. `name` is what answers and errors call it."""
        self.name, self.card, self.content = name, card, onnx_bytes
        self._num_threads = num_threads
        self._session = _open_session(onnx_bytes, name, num_threads)
        found = (self._session.get_inputs()[0].shape[1:], self._session.get_outputs()[0].shape[1:])
        wanted = ([card.size_px, card.size_px, card.channels], [len(card.classes)])
        if found != wanted:
            raise RunError(
                f"{name} takes images of shape {found[0]} and knows {found[1][-1]} classes, but its model.json says "
                f"{wanted[0]} and {wanted[1][0]}. Train it again."
            )

    def __repr__(self) -> str:
        card = self.card
        return f"Predictor {self.name}: {len(card.classes):,} classes, {card.size_px}×{card.size_px} {card.kind}"

    @classmethod
    def load(cls, run: RunLike | None = None, num_threads: int | None = None) -> Predictor:
        """Opens the model of a run.

        Args:
            run: a Run, a run folder, "latest" or "shipped"; None for the latest run, or the shipped model where there
                is none. `name` says which it was.
            num_threads: CPU threads for one call; all cores, but at most 4, unless given.
        Raises:
            RunError: there is no such run, or its model is damaged or not the one that model.json describes.
        """
        folder = resolve(run)
        card = load_model_card(folder)
        return cls((folder / MODEL).read_bytes(), card, model_name(folder), num_threads)

    @classmethod
    def shipped(cls) -> Predictor:
        """Opens the model that comes with the package."""
        return cls.load("shipped")

    def probabilities(self, images: np.ndarray) -> np.ndarray:
        """Answers arrays just as the network takes them, without any ink processing.

        Args:
            images: uint8 (n, size, size, channels); grey ones may come as (n, size, size). n may be 0.
        Returns:
            float32 (n, classes); rows sum to 1. A picture's row does not depend on its neighbours.
        Raises:
            UsageError: another dtype or shape.
        """
        images = self._as_batch(images)
        answers = np.empty((len(images), len(self.card.classes)), np.float32)
        step = min(MOST_AT_ONCE, pictures_at_once(self.card.size_px))
        for start in range(0, len(images), step):
            part = np.ascontiguousarray(images[start : start + step])
            answers[start : start + step] = self._session.run(["probabilities"], {"images": part})[0]
        return with_temperature(answers, self.card.temperature)

    def inputs(self, picture: np.ndarray) -> np.ndarray:
        """Brings any picture to what the network takes.

        One that is as the pictures of its data set are already is taken as it is.
        Digit models frame all others the way MNIST was made; the rest are brought to size.

        Args:
            picture: uint8 (height, width) grey or (height, width, 3) RGB.
        Returns:
            uint8 (size, size), or (size, size, 3) for a colour model.
        Raises:
            PictureError: a digit model was given a blank.
            UsageError: another dtype or shape.
        """
        if (
            picture.dtype != np.uint8
            or picture.ndim not in (2, 3)
            or 0 in picture.shape
            or picture.shape[2:] not in ((), (3,))
        ):
            raise UsageError(
                f"a picture of shape {picture.shape} and type {picture.dtype} came; "
                "uint8 (height, width) or (height, width, 3) was wanted."
            )
        card = self.card
        if card.preprocessing == "digits":
            return digit_input(picture, card.size_px, card.channels)
        if card.channels == 1 and picture.ndim == 3:
            picture = cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY)
        elif card.channels == 3 and picture.ndim == 2:
            picture = np.repeat(picture[..., None], 3, axis=-1)
        return fit_square(picture, card.size_px)

    def predict(self, picture: Picture, source: str | None = None) -> Answer:
        """Answers one picture.

        Args:
            picture: a file's path, the bytes of a file, uint8 (height, width) or (height, width, 3), or what
                `picture.load_picture` gives.
            source: what to call it in the answer and in errors; a path is called by itself.
        Raises:
            PictureError: the picture cannot be read, or a digit model was given a blank.
            UsageError: an array of another dtype or shape.
        """
        return self.predict_many([picture], [source])[0]

    def predict_many(self, pictures: Iterable[Picture], sources: Iterable[str | None] | None = None) -> list[Answer]:
        """Answers many pictures, in their order; arguments and errors as `predict`. The first bad one stops it."""
        pictures = list(pictures)
        names = [_name(picture) for picture in pictures]
        if sources is not None:
            names = [given or name for given, name in zip(sources, names, strict=True)]
        answers: list[Answer] = []
        for answer in self.predict_each(zip(pictures, names, strict=True)):
            if isinstance(answer, PictureError):
                raise answer
            answers.append(answer)
        return answers

    def predict_each(self, pictures: Iterable[tuple[Picture, str]]) -> list[Answer | PictureError]:
        """Answers many pictures at once, in their order; one that cannot be read has its error in its place.

        Args:
            pictures: each as in `predict`, and what to call it.
        Raises:
            UsageError: an array of another dtype or shape.
        """
        seen: list[tuple[str, ParsedPicture | PictureError]] = []
        for picture, name in pictures:
            try:
                seen.append((name, self.input_of(picture, name)))
            except PictureError as error:
                seen.append((name, error))
        good = [each.pixels for _, each in seen if isinstance(each, ParsedPicture)]
        rows = iter(self.probabilities(np.stack(good)) if good else ())
        return [
            each if isinstance(each, PictureError) else self.answer_of(name, next(rows), each) for name, each in seen
        ]

    def input_of(self, picture: Picture, name: str = UNNAMED) -> ParsedPicture:
        """The first half of `predict`: any kind of picture -> what the network takes, as `inputs`, and its notes.

        Args:
            picture: as in `predict`.
            name: what errors call it.
        """
        parsed = decoded(picture, name)
        try:
            pixels, found = self.inputs(parsed.pixels), self.unlike(parsed.pixels)
        except PictureError as error:
            raise error if name == UNNAMED else PictureError(f"{name}: {error}") from None
        note = f"the picture is {found}; {self.name} was trained on {self.card.kind} pictures."
        return ParsedPicture(pixels, (*parsed.notes, note) if found else parsed.notes)

    def story_of(self, picture: Picture, name: str = UNNAMED) -> Story:
        """How a picture became what the network takes: the stages as arrays, and what was put right in words.

        Arguments and errors as `input_of`, whose result is the last stage.
        """
        pixels = decoded(picture, name).pixels
        found = self.input_of(pixels, name)
        seen, size_px = found.pixels, self.card.size_px
        if self.card.preprocessing != "digits":
            height, width = pixels.shape[:2]
            words = f"scaled: {width} × {height} px became a square of {size_px} px, with its proportions kept"
        elif is_framed(pixels, size_px):
            words = f"taken as it is: {size_px} × {size_px} px, light ink on dark, framed as MNIST's digits are"
        else:
            return story_of(pixels, seen)
        return Story(
            {"picture": pixels, "input": seen}, (words, *(f"note: {text.removesuffix('.')}" for text in found.notes))
        )

    def answer_of(self, source: str, row: np.ndarray, seen: ParsedPicture) -> Answer:
        """The second half of `predict`: what the network says -> an answer.

        Args:
            source: what the picture is called.
            row: float32 (classes,), a row of `probabilities`.
            seen: what `input_of` gave.
        """
        best = int(row.argmax())
        confidence = float(row[best])
        return Answer(
            source=source,
            verdict=self._verdict(row),
            label=self.card.classes[best],
            confidence=confidence,
            probabilities=dict(zip(self.card.classes, row.tolist(), strict=True)),
            input=seen.pixels,
            notes=seen.notes,
            model=self.name,
        )

    def read(self, picture: Picture, source: str | None = None) -> Reading:
        """Reads the numbers on a picture: lines in reading order, digits that touch told apart.

        Arguments and errors as `predict`; the picture may hold up to 200 marks.
        """
        self.require_reader()
        name = source or _name(picture)
        parsed = decoded(picture, name)
        try:
            sheet = segment(parsed.pixels)
        except PictureError as error:
            raise error if name == UNNAMED else PictureError(f"{name}: {error}") from None
        lines = read_lines(sheet.lines, self.probabilities, self._spotter)
        signs = tuple(
            self._signs(line, [sheet.on_picture(glyph.piece, parsed.scale) for glyph in line]) for line in lines
        )
        return _doubting(Reading(name, signs, parsed.notes, self.name), self.card.unsure_below)

    @property
    def reads_numbers(self) -> bool:
        """Whether `read` takes this model: one of digits alone, framed as MNIST's."""
        card = self.card
        return (
            set(card.classes) <= set(DIGITS)
            and card.preprocessing == "digits"
            and (card.size_px, card.channels) == (MNIST_PX, 1)
        )

    def require_reader(self) -> None:
        """Raises UsageError unless `reads_numbers`."""
        if self.reads_numbers:
            return
        card = self.card
        raise UsageError(
            f"{self.name} was trained on {card.size_px} px {card.kind} pictures of {shortened(card.classes)} "
            f"(preprocessing {card.preprocessing}); reading numbers needs a model of {MNIST_PX} px grey digits "
            "(preprocessing digits). The shipped model is one: --model shipped."
        )

    def unlike(self, pixels: np.ndarray) -> str | None:
        """Return "grey" or "in colour" for a picture of another kind than the training pictures, else None.

        A digit model takes ink from any picture. Tints are no colour.

        Args:
            pixels: as for `inputs`.
        """
        card, coloured = self.card, pixels.ndim == 3
        if card.preprocessing == "digits" or coloured == (card.channels == 3):
            return None
        if not coloured:
            return "grey"
        return "in colour" if is_coloured(pixels) else None

    @cached_property
    def _spotter(self) -> Spotter | None:
        """The line network that comes with the package; None for classes that it does not know."""
        if self.card.classes != DIGITS:
            return None
        session = _open_session((SHIPPED / LINE).read_bytes(), LINE, self._num_threads)
        return lambda strip: np.asarray(session.run(["probabilities"], {"images": strip[None, ..., None]})[0][0])

    def _signs(self, line: list[Glyph], boxes: list[tuple[int, int, int, int]]) -> tuple[Sign, ...]:
        """A line -> what its glyphs are called; what stands alone has to show more that it is a digit."""
        rows = self.probabilities(np.stack([glyph.input for glyph in line]))
        least = (1 if len(line) == 1 else NO_DIGIT) * self.card.rejected_below
        signs = []
        for glyph, box, row, found in zip(line, boxes, rows, evidence(rows), strict=True):
            best, sign, confidence = int(row.argmax()), glyph.sign, float(row.max())
            spot = glyph.spot
            doubt = found < least or confidence < IN_DOUBT
            if spot is not None and (glyph.torn or (doubt and spot.probability > SPOT_DECIDES)):
                best, confidence = spot.index, spot.probability
            elif sign is None and (found < least or not self._is_digit(glyph, best, confidence, found, len(line))):
                sign = "cross" if is_cross(glyph.input) else "mark"
            if glyph.several or (spot is not None and spot.index != row.argmax()):
                confidence *= DISAGREEING
            unsure = sign is None and confidence < self.card.unsure_below
            if sign == "mark" and glyph.seen is not None:
                unsure = glyph.height >= LEAST_HIGH and glyph.seen >= UNSEEN_ONE and found >= least
            signs.append(Sign(self.card.classes[best], sign, confidence, box, unsure))
        return tuple(signs)

    def _is_digit(self, glyph: Glyph, best: int, confidence: float, found: float, count: int) -> bool:
        """Whether a piece is a digit: the line network sees it, or the classifier is sure all the same.

        Bars look like a 1 to the classifier. So a 1 has to be seen a little; or, where no rests of a box are, to show
        much more that it is one.
        """
        one = self.card.classes[best] == "1"
        if one and glyph.framed and count == 1 and (glyph.spot is None or glyph.spot.probability < SPOT_DECIDES):
            return False
        if glyph.seen is None:
            return True
        if not one or glyph.seen >= UNSEEN_ONE:
            return confidence >= UNSEEN_SURE and found >= NEARLY * self.card.rejected_below
        plain = confidence >= PLAIN_ONE and found >= MUCH_MORE * self.card.rejected_below
        return plain and not glyph.framed and glyph.height <= TALLEST_ONE

    def _verdict(self, row: np.ndarray) -> Verdict:
        """What to make of probabilities, float32 (classes,)."""
        if evidence(row[None])[0] < self.card.rejected_below:
            return "rejected"
        return "unsure" if row.max() < self.card.unsure_below else "class"

    def _as_batch(self, images: np.ndarray) -> np.ndarray:
        """Checks images at the door and gives grey ones their channel axis."""
        card = self.card
        images = np.asarray(images)
        batch = images[..., None] if images.ndim == 3 and card.channels == 1 else images
        if images.dtype != np.uint8 or batch.shape[1:] != (card.size_px, card.size_px, card.channels):
            wanted = f"(n, {card.size_px}, {card.size_px}{', 3' if card.channels == 3 else ''})"
            raise UsageError(
                f"images of shape {images.shape} and type {images.dtype} came; uint8 {wanted} was wanted. "
                "For other pictures use predict or predict_many."
            )
        return batch


def _open_session(onnx_bytes: bytes, name: str, num_threads: int | None) -> onnxruntime.InferenceSession:
    """Open a model; RunError if it is damaged or has other inputs and outputs than ours."""
    try:
        session = open_session(onnx_bytes, num_threads)
    except Exception as error:  # ONNX Runtime's exceptions share no base but this
        raise RunError(f"{name} is damaged: no model that ONNX Runtime can open. Copy the run folder again.") from error
    found = [each.name for each in (*session.get_inputs(), *session.get_outputs())]
    if found != ["images", "probabilities"]:
        raise RunError(f'{name} has the inputs and outputs {found}; "images" and "probabilities" were wanted.')
    return session


def _doubting(reading: Reading, unsure_below: float) -> Reading:
    """A reading whose least sure digit is unsure where all of them together are: of many, one may be wrong."""
    if reading.verdict != "class" or reading.confidence >= unsure_below:
        return reading
    least = min(reading.digits, key=lambda digit: digit.confidence)
    lines = (tuple(replace(each, unsure=True) if each is least else each for each in line) for line in reading.lines)
    return replace(reading, lines=tuple(lines))


def _name(picture: Picture) -> str:
    """What a picture is called when nobody has named it."""
    return str(picture) if isinstance(picture, str | Path) else UNNAMED


def decoded(picture: Picture, name: str) -> ParsedPicture:
    """A picture in any of its forms -> its pixels and notes."""
    if isinstance(picture, ParsedPicture):
        return picture
    if isinstance(picture, np.ndarray):
        return ParsedPicture(picture)
    if isinstance(picture, bytes):
        return parse_picture(picture, name)
    if isinstance(picture, str | Path):
        return load_picture(picture)
    raise UsageError(f"a {type(picture).__name__} came as a picture; a path, bytes or a uint8 array was wanted.")
