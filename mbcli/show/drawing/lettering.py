"""Text on a picture: plain, over a person's head, and the legend."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

import cv2
import numpy as np
import numpy.typing as npt

from mbcli.show.colours import Colour
from mbcli.show.drawing.canvas import Canvas, Value, blend
from mbcli.show.drawing.ink import Point, line_width, near, stroke
from mbcli.show.drawing.styles import Style
from mbcli.skeleton import Skeleton
from mbcli.types import FloatArray

_FONT = cv2.FONT_HERSHEY_SIMPLEX
_CAPITAL = 22.0  # height in pixels of a capital letter at font scale 1
_SMALLEST_TEXT = 10.0  # height in pixels of the smallest readable capital letter
_PLATE = 0.6  # opacity of the plate behind text


def text_height(size: tuple[int, int]) -> float:
    """Height in pixels of a capital letter on a picture of (width, height) pixels."""
    return max(_SMALLEST_TEXT, min(size) / 36)


def text_width(text: str, height: float) -> int:
    """Width in pixels of ``text`` as drawn by :func:`write`."""
    scale, thickness = _pen(height)
    return int(cv2.getTextSize(text, _FONT, scale, thickness)[0][0])


def write(
    canvas: Canvas,
    text: str,
    at: Point,
    height: float,
    colour: Colour,
    *,
    plate: Colour | None = None,
) -> None:
    """Write one line.

    Args:
        canvas: the canvas to draw on.
        text: ASCII.
        at: x of the left end, y of the baseline, in pixels.
        height: height of a capital letter in pixels.
        colour: colour of the letters.
        plate: colour of a plate behind the letters, for pictures of any colour.
    """
    if not text:
        return
    mask, rise = _letters(text, height)
    # Even, so that one pixel of a half plane is two pixels of the letters.
    left, top = 2 * round((at[0] - round(height / 2)) / 2), 2 * round((at[1] - rise) / 2)
    if plate is not None:
        _lay(canvas, plate, left, top, mask.shape)
    for plane, step, value, _ in canvas.inks(colour, colour):
        # In a half plane a letter's colour is spread over the covered pixels.
        shape = mask if step == 1 else _halved(text, height)
        x, y = left // step, top // step
        part = plane[max(0, y) : max(0, y + shape.shape[0]), max(0, x) : max(0, x + shape.shape[1])]
        cut = shape[max(0, -y) :, max(0, -x) :][: part.shape[0], : part.shape[1]]
        if part.size:
            _mix(part, cut, value)


def write_label(
    canvas: Canvas,
    text: str,
    over: Point,
    height: float,
    colour: Colour,
    *,
    plate: Colour | None = None,
) -> None:
    """Write centred over a point, shifted as needed to stay inside the picture."""
    if not near(over):
        return
    columns, rows = canvas.size
    width = text_width(text, height)
    x = min(max(over[0] - width / 2, height / 2), columns - width - height / 2)
    y = min(max(over[1] - 2 * height, 1.5 * height), rows - height / 2)
    write(canvas, text, (x, y), height, colour, plate=plate)


def label_point(points: FloatArray, seen: npt.NDArray[np.bool_], skeleton: Skeleton) -> Point:
    """The position of a person's label: above the head, and above hands held higher.

    Args:
        points: (J, 2) pixels.
        seen: (J,) whether a joint is present, true for at least one.
        skeleton: skeleton of the J joints.
    """
    kept = points[seen]
    head = skeleton.index("head") if "head" in skeleton.joints else 0
    across = points[head, 0] if seen[head] else kept[kept[:, 1].argmin(), 0]
    return float(across), float(kept[:, 1].min())


def legend(
    canvas: Canvas,
    items: Sequence[tuple[str, Colour | None]],
    at: Point,
    height: float,
    style: Style,
    *,
    plate: bool,
) -> None:
    """Write a row of words, each preceded by a stroke of its colour, if any.

    Words that do not fit are left out, from the end.

    Args:
        canvas: the canvas to draw on.
        items: word and colour.
        at: x of the start of the row and y of the baseline, in pixels.
        height: height of a capital letter in pixels.
        style: the style.
        plate: see :func:`write`.
    """
    width = max(2, line_width(canvas.size))
    x, baseline = at
    behind = style.plate if plate else None
    for word, colour in items:
        lead = 2.0 * height if colour is not None else 0.0
        if x + lead + text_width(word, height) > canvas.size[0]:
            return
        if colour is not None:
            y = baseline - height / 2
            stroke(canvas, (x, y), (x + 1.5 * height, y), colour, width, rim=style.plate)
        x += lead
        write(canvas, word, (x, baseline), height, style.text, plate=behind)
        x += text_width(word, height) + 1.2 * height


def _pen(height: float) -> tuple[float, int]:
    """Font scale and line thickness."""
    return height / _CAPITAL, max(1, round(height / 8))


@lru_cache(maxsize=256)
def _letters(text: str, height: float) -> tuple[npt.NDArray[np.uint8], float]:
    """Coverage of each pixel by the letters, 0..255, and the distance down to the baseline."""
    scale, thickness = _pen(height)
    pad = round(height / 2) + thickness
    columns, rows = text_width(text, height) + 2 * pad, round(2.1 * height) + 2 * thickness
    mask = np.zeros((rows + rows % 2, columns + columns % 2), dtype=np.uint8)
    rise = round(1.5 * height) + thickness
    cv2.putText(mask, text, (pad, rise), _FONT, scale, 255, thickness, cv2.LINE_AA)
    shifted = mask[:, pad - round(height / 2) :]
    return np.ascontiguousarray(shifted[:, : shifted.shape[1] // 2 * 2]), float(rise)


@lru_cache(maxsize=256)
def _halved(text: str, height: float) -> npt.NDArray[np.uint8]:
    mask, _ = _letters(text, height)
    half = (mask.shape[1] // 2, mask.shape[0] // 2)
    return np.asarray(cv2.resize(mask, half, interpolation=cv2.INTER_AREA), dtype=np.uint8)


def _mix(part: npt.NDArray[np.uint8], mask: npt.NDArray[np.uint8], value: Value) -> None:
    """Blend a colour over a part by the mask, in place."""
    cover = mask.astype(np.int32)
    if part.ndim == 3:
        cover = cover[..., None]
    ink = np.array(value, dtype=np.int32)
    old = part.astype(np.int32)
    part[:] = old + (ink - old) * cover // 255


def _lay(canvas: Canvas, colour: Colour, left: int, top: int, shape: tuple[int, ...]) -> None:
    for plane, step, value, _ in canvas.inks(colour, colour):
        x, y = left // step, top // step
        part = plane[
            max(0, y) : max(0, y + shape[0] // step), max(0, x) : max(0, x + shape[1] // step)
        ]
        if part.size:
            layer = np.empty_like(part)
            layer[:] = value
            blend(part, layer, _PLATE)
