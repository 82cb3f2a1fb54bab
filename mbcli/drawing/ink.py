"""What is drawn with: the meaning of colours, strokes that fade, and text on any background.

Everything draws in place on (H, W, 3) uint8 RGB pictures, anti-aliased.
"""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
import numpy.typing as npt

from mbcli.skeleton import Skeleton
from mbcli.types import FloatArray

RgbImage = npt.NDArray[np.uint8]
Colour = tuple[int, int, int]
Point = tuple[float, float]

# A warm and a cool tone that differ in brightness too: also the colour-blind tell them apart.
LEFT: Colour = (255, 166, 43)
RIGHT: Colour = (52, 132, 255)
TEXT: Colour = (240, 240, 240)
DARK: Colour = (16, 17, 20)

# Nobody is orange or blue, as the sides are.
_PEOPLE: tuple[Colour, ...] = (
    (92, 214, 120),
    (226, 110, 232),
    (240, 228, 92),
    (238, 96, 104),
    (232, 232, 232),
    (72, 214, 206),
    (166, 134, 250),
    (196, 160, 118),
)

_SURE = 0.5  # confidence from which on a stroke is opaque
_FAINTEST = 0.15  # opacity of what has no confidence at all

_SHIFT = 4  # binary digits after the point that OpenCV is given
_FARTHEST = 1e5  # pixels; beyond it OpenCV's integers would overflow

_FONT = cv2.FONT_HERSHEY_SIMPLEX
_CAPITAL = 22.0  # pixels that a capital letter is high at font scale 1
_SMALLEST_TEXT = 9.0
_PLATE = 0.55  # how dark the plate behind text is


def person_colour(column: int) -> Colour:
    """The colour of the person in a column of the motion, the same over the whole clip."""
    return _PEOPLE[column % len(_PEOPLE)]


def bone_colours(skeleton: Skeleton, person: Colour) -> tuple[Colour, ...]:
    """A colour for each of ``skeleton.bones``: the limbs by their side, the trunk the person's."""

    def colour(joint: str) -> Colour:
        if joint.startswith("left_"):
            return LEFT
        return RIGHT if joint.startswith("right_") else person

    return tuple(colour(skeleton.joints[child]) for _, child in skeleton.bones)


def opacity(confidence: FloatArray) -> FloatArray:
    """Confidence 0..1 to opacity: faint at 0, rising to opaque at 0.5."""
    result: FloatArray = np.clip(confidence / _SURE, _FAINTEST, 1.0)
    return result


def line_width(size: tuple[int, int]) -> int:
    """Pixels of a bone's stroke on a picture of (width, height) pixels."""
    return max(1, round(min(size) / 180))


def text_height(size: tuple[int, int]) -> float:
    """Pixels of a capital letter on a picture of (width, height) pixels."""
    return max(_SMALLEST_TEXT, min(size) / 45)


def stroke(
    image: RgbImage,
    start: Point,
    end: Point,
    colour: Colour,
    width: int,
    *,
    alpha: float = 1.0,
    outline: int = 0,
) -> None:
    """Draw a line between two points; what lies outside of the picture is left out.

    Args:
        image: drawn on.
        start: x, y in pixels, fractions welcome.
        end: x, y in pixels.
        colour: of the line.
        width: pixels.
        alpha: 1 is opaque, 0 invisible.
        outline: pixels of dark rim on either side, which sets the line off what is behind it.
    """
    if not max(abs(value) for value in (*start, *end)) < _FARTHEST:
        return
    # The part of the picture that the stroke can touch: blending costs by the pixel.
    pad = width + 2 * outline + 2
    left = max(0, int(min(start[0], end[0])) - pad)
    top = max(0, int(min(start[1], end[1])) - pad)
    right = max(0, int(max(start[0], end[0])) + pad)
    bottom = max(0, int(max(start[1], end[1])) + pad)
    part = image[top:bottom, left:right]
    if not part.size:
        return
    layer = part if alpha >= 1 else part.copy()
    a, b = _fixed(start, left, top), _fixed(end, left, top)
    if outline:
        cv2.line(layer, a, b, DARK, width + 2 * outline, cv2.LINE_AA, _SHIFT)
    cv2.line(layer, a, b, colour, width, cv2.LINE_AA, _SHIFT)
    if alpha < 1:
        cv2.addWeighted(layer, alpha, part, 1 - alpha, 0, dst=part)


def dot(image: RgbImage, centre: Point, colour: Colour, radius: float, *, alpha: float) -> None:
    """Draw a filled disc; see :func:`stroke`."""
    if not max(abs(value) for value in centre) < _FARTHEST:
        return
    pad = int(radius) + 2
    left, top = max(0, int(centre[0]) - pad), max(0, int(centre[1]) - pad)
    part = image[top : max(0, int(centre[1]) + pad), left : max(0, int(centre[0]) + pad)]
    if not part.size:
        return
    layer = part if alpha >= 1 else part.copy()
    size = round(radius * (1 << _SHIFT))
    cv2.circle(layer, _fixed(centre, left, top), size, colour, cv2.FILLED, cv2.LINE_AA, _SHIFT)
    if alpha < 1:
        cv2.addWeighted(layer, alpha, part, 1 - alpha, 0, dst=part)


def text_width(text: str, height: float) -> int:
    """Pixels that :func:`write` needs for ``text``."""
    scale, thickness = _pen(height)
    return int(cv2.getTextSize(text, _FONT, scale, thickness)[0][0])


def write(
    image: RgbImage,
    text: str,
    at: Point,
    height: float,
    colour: Colour = TEXT,
    *,
    plate: bool = True,
) -> None:
    """Write one line.

    Args:
        image: drawn on.
        text: ASCII.
        at: x of the left end, y of the baseline, in pixels.
        height: pixels of a capital letter.
        colour: of the letters.
        plate: darken what is behind the letters, for pictures that may be of any colour.
    """
    scale, thickness = _pen(height)
    x, y = round(at[0]), round(at[1])
    if plate:
        _darken(
            image,
            (x - height / 2, y - 1.5 * height),
            (x + text_width(text, height) + height / 2, y + height / 2),
        )
    cv2.putText(image, text, (x, y), _FONT, scale, colour, thickness, cv2.LINE_AA)


def label_point(points: FloatArray, seen: npt.NDArray[np.bool_], skeleton: Skeleton) -> Point:
    """Where a person's label belongs: over the head, and over hands that are held higher.

    Args:
        points: (J, 2) pixels.
        seen: (J,) whether the joint is there, for at least one of them.
        skeleton: the J joints.
    """
    kept = points[seen]
    head = skeleton.index("head") if "head" in skeleton.joints else 0
    across = points[head, 0] if seen[head] else kept[kept[:, 1].argmin(), 0]
    return float(across), float(kept[:, 1].min())


def write_label(
    image: RgbImage,
    text: str,
    over: Point,
    height: float,
    colour: Colour,
    *,
    plate: bool = True,
) -> None:
    """Write centred over a point, moved as far as needed to be inside the picture."""
    if not max(abs(value) for value in over) < _FARTHEST:
        return
    rows, columns = image.shape[:2]
    width = text_width(text, height)
    x = min(max(over[0] - width / 2, height / 2), columns - width - height / 2)
    y = min(max(over[1] - 2 * height, 1.5 * height), rows - height / 2)
    write(image, text, (x, y), height, colour, plate=plate)


def legend(
    image: RgbImage,
    items: Sequence[tuple[str, Colour | None]],
    left: float,
    baseline: float,
    *,
    plate: bool = True,
) -> None:
    """Write a row of words, those with a colour behind a stroke of it.

    Args:
        image: drawn on; its size decides that of the letters.
        items: word and colour.
        left: x in pixels at which the row begins.
        baseline: y in pixels.
        plate: see :func:`write`.
    """
    size = (image.shape[1], image.shape[0])
    height, width = text_height(size), line_width(size)
    x = left
    for word, colour in items:
        if colour is not None:
            y = baseline - height / 2
            stroke(image, (x, y), (x + 1.5 * height, y), colour, width, outline=1)
            x += 2.2 * height
        write(image, word, (x, baseline), height, plate=plate)
        x += text_width(word, height) + 1.5 * height


def _darken(image: RgbImage, start: Point, end: Point) -> None:
    left, top = (max(0, round(value)) for value in start)
    right, bottom = (max(0, round(value)) for value in end)
    part = image[top:bottom, left:right]
    if part.size:
        cv2.addWeighted(part, 1 - _PLATE, np.full_like(part, DARK), _PLATE, 0, dst=part)


def _pen(height: float) -> tuple[float, int]:
    """Font scale and line thickness."""
    return height / _CAPITAL, max(1, round(height / 9))


def _fixed(point: Point, left: int, top: int) -> tuple[int, int]:
    """A point in OpenCV's fixed-point numbers, from the corner at (left, top)."""
    factor = 1 << _SHIFT
    return round((point[0] - left) * factor), round((point[1] - top) * factor)
