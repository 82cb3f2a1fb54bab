"""Trails of joints: their path over the last moments."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from mbcli.errors import ConfigError
from mbcli.show.colours import Colour, joint_colour, person_colour
from mbcli.show.drawing.canvas import Canvas
from mbcli.show.drawing.ink import line_width, stroke
from mbcli.show.drawing.scene import Scene
from mbcli.show.drawing.styles import Style
from mbcli.show.drawing.viewpoint import Viewpoint

_FAINTEST = 0.15  # share of its colour in the oldest piece
_MOST_PIECES = 24  # per trail: enough to look smooth


class Trails:
    """Lines behind joints that fade with age.

    Args:
        scene: the scene whose people are drawn.
        seconds: duration of a trail.
        joints: names of the joints that leave one.

    Raises:
        ConfigError: a joint that the skeleton lacks.
    """

    def __init__(self, scene: Scene, seconds: float, joints: Sequence[str]) -> None:
        self._scene, self._seconds, self._joints = scene, seconds, tuple(joints)
        skeleton = scene.motion.skeleton
        for joint in joints:
            if joint not in skeleton.joints:
                raise ConfigError(
                    f"--trail-joints must be of {', '.join(skeleton.joints)}, got {joint}"
                )
        self._index = [skeleton.index(joint) for joint in joints]

    def draw(self, canvas: Canvas, camera: Viewpoint, row: int, style: Style) -> None:
        """Draw the trails that end in a frame."""
        scene = self._scene
        times = scene.motion.timestamps
        begin = int(np.searchsorted(times, times[row] - self._seconds))
        columns = scene.columns(row)
        if row - begin < 1 or not len(columns):
            return
        rows = np.unique(np.linspace(begin, row, min(row - begin, _MOST_PIECES) + 1).astype(int))
        bodies = scene.bodies(slice(begin, row + 1), columns)[rows - begin]
        points = camera.project(bodies[:, :, self._index])  # (K, P', N, 2); NaN where absent
        width = max(1, round(line_width(canvas.size) / 2))
        ages = np.linspace(_FAINTEST, 1.0, len(rows) - 1).tolist()
        for who, column in enumerate(columns.tolist()):
            for nth, joint in enumerate(self._joints):
                colour = style.tone(joint_colour(joint, person_colour(column)))
                line = points[:, who, nth]
                for start, end, age in zip(
                    line[:-1].tolist(), line[1:].tolist(), ages, strict=True
                ):
                    # Opaque, or the round ends would show where pieces meet.
                    stroke(canvas, start, end, _mixed(style.background, colour, age), width)


def _mixed(one: Colour, other: Colour, share: float) -> Colour:
    red, green, blue = (round(a + share * (b - a)) for a, b in zip(one, other, strict=True))
    return red, green, blue
