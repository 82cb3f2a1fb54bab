"""People in space, seen by a virtual camera."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from mbcli.show.colours import LEFT, RIGHT, Colour, bone_colours, person_colour
from mbcli.show.drawing.canvas import Canvas
from mbcli.show.drawing.floor import Floor, draw_axes
from mbcli.show.drawing.ink import dot, limb, line_width, opacity, stroke
from mbcli.show.drawing.lettering import label_point, legend, text_height, write_label
from mbcli.show.drawing.options import CameraMove, Projection
from mbcli.show.drawing.scene import Scene
from mbcli.show.drawing.shots import shot_of
from mbcli.show.drawing.styles import Style
from mbcli.show.drawing.sureness import DASHED_BEYOND, kept_sureness
from mbcli.show.drawing.trails import Trails
from mbcli.show.drawing.viewpoint import Viewpoint
from mbcli.types import IntArray
from mbcli.values import kept_if_any


class View3D:
    """Draws the frames of a scene in 3D. All joints of all frames are inside the picture.

    Args:
        scene: the scene to draw.
        size: (width, height) of the pictures in pixels.
        style: the style.
        azimuth: degrees, see :func:`mbcli.show.drawing.viewpoint.look_from`.
        elevation: degrees, likewise.
        move: the move of the camera.
        projection: with or without perspective.
        turn: seconds per revolution of an orbit.
        trails: trails of joints, if any.
        title: text instead of the legend, for one of several views.
    """

    def __init__(
        self,
        scene: Scene,
        size: tuple[int, int],
        style: Style,
        *,
        azimuth: float,
        elevation: float,
        move: CameraMove = "fixed",
        projection: Projection = "perspective",
        turn: float = 12.0,
        trails: Trails | None = None,
        title: str | None = None,
    ) -> None:
        self._scene, self._style, self._title = scene, style, title
        self._trails = trails
        self._sure = kept_sureness(scene.motion)
        self._letters, self._width = text_height(size), line_width(size)
        margin = 2.5 * self._letters
        # Labels need room above the heads, and the legend below.
        window = (margin, 2 * margin, size[0] - margin, size[1] - 1.5 * margin)
        self._shot = shot_of(scene, move, (azimuth, elevation), window, projection, turn)
        self._floor = Floor(scene)
        self._empty: Canvas | None = None

    def draw(self, canvas: Canvas, row: int) -> None:
        """Draw one frame of the motion.

        Args:
            canvas: a canvas of the view's size, overwritten; always of one kind.
            row: index of one of the T frames.
        """
        camera = self._shot.camera(row)
        if not self._shot.still:
            self._draw_empty(canvas, camera)
        else:
            if self._empty is None:
                self._empty = canvas.like()
                self._draw_empty(self._empty, camera)
            canvas.paste(self._empty)
        columns = self._scene.columns(row)
        if self._trails is not None:
            self._trails.draw(canvas, camera, row, self._style)
        if len(columns):
            self._draw_people(canvas, camera, row, columns)

    def _draw_people(self, canvas: Canvas, camera: Viewpoint, row: int, columns: IntArray) -> None:
        scene, style, width = self._scene, self._style, self._width
        skeleton = scene.motion.skeleton
        bodies = scene.bodies(slice(row, row + 1), columns)[0]  # (P', J, 3)
        confidence = self._sure.at(row, columns)
        seen = camera.seen(bodies)
        points = camera.picture(seen)
        ends = np.array(skeleton.bones)
        for shadow in camera.project(scene.on_floor(bodies))[:, ends].tolist():
            for start, end in shadow:
                stroke(canvas, start, end, style.shadow, width)
        # Draw farther bones first, so that limbs pass behind each other.
        order = np.argsort(-seen[..., 2][:, ends].mean(axis=-1), axis=None)
        lines, sure = points[:, ends].tolist(), confidence[:, ends].min(axis=-1).tolist()
        people = [style.tone(person_colour(column)) for column in columns.tolist()]
        colours = [
            tuple(map(style.tone, bone_colours(skeleton, person_colour(column))))
            for column in columns.tolist()
        ]
        for nth in order.tolist():
            who, bone = divmod(nth, len(ends))
            start, end = lines[who][bone]
            limb(
                canvas,
                start,
                end,
                colours[who][bone],
                width,
                confidence=sure[who][bone],
                rim=style.plate,
            )
        alphas = opacity(confidence).tolist()
        for who, column in enumerate(columns.tolist()):
            for place, alpha in zip(points[who].tolist(), alphas[who], strict=True):
                dot(canvas, place, people[who], 0.9 * width, alpha=alpha)
            for joint in scene.feet_down(row, column):
                ring = max(1, width // 2)
                dot(canvas, points[who, joint].tolist(), style.text, 2.2 * width, ring=ring)
            over = label_point(points[who], np.ones(len(skeleton), dtype=np.bool_), skeleton)
            label = str(scene.motion.track_ids[column])
            write_label(canvas, label, over, self._letters, people[who])

    def _draw_empty(self, canvas: Canvas, camera: Viewpoint) -> None:
        """Draw everything but people: background, floor and legend."""
        canvas.fill(self._style.background)
        self._floor.draw(canvas, camera, self._style)
        words = self._words() if self._title is None else ((self._title, None),)
        at = (self._letters, canvas.size[1] - self._letters)
        legend(canvas, words, at, self._letters, self._style, plate=False)
        draw_axes(canvas, camera, self._style)

    def _words(self) -> Sequence[tuple[str, Colour | None]]:
        scene, tone = self._scene, self._style.tone
        unsure = "faint, dashed: unsure"
        if kept_if_any(scene.motion, "expected_error") is not None:
            unsure = f"dashed: error over {100 * DASHED_BEYOND:.0f} cm"
        words: list[tuple[str, Colour | None]] = [
            ("left", tone(LEFT)),
            ("right", tone(RIGHT)),
            (f"grid {self._floor.cell:g} m", None),
            (unsure, None),
        ]
        if not scene.placed:
            words.insert(2, ("places unknown", None))
        if scene.knows_contacts:
            words.append(("ring: foot down", None))
        return words
