"""Strokes that the pictures share: a skeleton over a photograph, and poses from two sides."""

from __future__ import annotations

import base64
import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from mbcli.types import FloatArray
from mbcli.video import VideoReader

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Image = npt.NDArray[np.uint8]
Bones = Sequence[tuple[int, int]]

TRUE, FOUND, SEEN = "#17a34a", "#d9480f", "#1c6fd1"
COLOURS = (
    "#d9480f",
    "#7b2cbf",
    "#1c6fd1",
    "#0b7285",
    "#868e96",
    "#e67700",
    "#5c940d",
    "#c2255c",
    "#000000",
    "#b08900",
)
SIDES = {"front": (0, 1), "side": (2, 1)}  # axes across and down


def frames_of(video: Path, wanted: Sequence[int]) -> dict[int, Image]:
    """(H, W, 3) RGB pictures of some frames of a video."""
    found: dict[int, Image] = {}
    with VideoReader(video) as reader:
        for frame in reader:
            if frame.index in wanted:
                found[frame.index] = frame.image
            if len(found) == len(set(wanted)):
                break
    return found


def blank(axes: Axes) -> None:
    """No ticks, no frame."""
    axes.set_xticks([])
    axes.set_yticks([])
    axes.set_aspect("equal")
    for spine in axes.spines.values():
        spine.set_visible(False)


def draw_bones(
    axes: Axes, points: FloatArray, bones: Bones, colour: str, *, width: float = 1.6
) -> None:
    """(J, 2) joints with their bones; what is NaN is left out."""
    for a, b in bones:
        axes.plot(*points[[a, b]].T, color=colour, linewidth=width, solid_capstyle="round")
    axes.plot(*points.T, ".", color=colour, markersize=3 * width)


def photograph(
    axes: Axes, image: Image, box: FloatArray, poses: Mapping[str, FloatArray], bones: Bones
) -> None:
    """A part of a picture with (J, 2) skeletons over it, by their colour."""
    x1, y1, x2, y2 = box
    axes.imshow(image)
    for colour, points in poses.items():
        draw_bones(axes, points, bones, colour)
    axes.set_xlim(max(x1, 0), min(x2, image.shape[1]))
    axes.set_ylim(min(y2, image.shape[0]), max(y1, 0))
    blank(axes)


def sides(
    axes: Sequence[Axes], poses: Mapping[str, FloatArray], bones: Bones, *, reach: float = 1.05
) -> None:
    """(J, 3) poses in metres by their colour, from the camera and from its right."""
    for part, (across, down) in zip(axes, SIDES.values(), strict=True):
        for colour, pose in poses.items():
            draw_bones(part, pose[:, [across, down]], bones, colour)
        part.set_xlim(-reach, reach)
        part.set_ylim(reach, -reach)
        blank(part)


def png(figure: Figure) -> str:
    """A figure as the source of an HTML picture."""
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=80)
    return "data:image/png;base64," + base64.b64encode(buffer.getvalue()).decode("ascii")
