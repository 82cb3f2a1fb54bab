"""One output picture per frame: skeletons on the video's picture, 3D views, or both."""

from __future__ import annotations

import numpy as np

from mbcli.motion import Motion3D
from mbcli.people import columns_of
from mbcli.show.colours import LEFT, RIGHT, Colour
from mbcli.show.drawing.canvas import Canvas
from mbcli.show.drawing.draw2d import draw_people
from mbcli.show.drawing.lettering import legend, text_height, write
from mbcli.show.drawing.options import RenderOptions
from mbcli.show.drawing.scene import Scene
from mbcli.show.drawing.sizes import Panel, Size, panels
from mbcli.show.drawing.styles import STYLES
from mbcli.show.drawing.trails import Trails
from mbcli.show.drawing.view3d import View3D
from mbcli.storage.actions import FrameLabels, from_json
from mbcli.values import kept
from mbcli.video.planar import Planar
from mbcli.video.presentation import RgbImage

# Azimuth and elevation of the views next to the 3D view.
_ELEVATIONS = {"front": (0.0, 0.0), "side": (90.0, 0.0), "top": (0.0, 90.0)}


class Composer:
    """Draws the output pictures of one motion, in any order.

    Args:
        motion: the motion to draw.
        options: options of drawing.
        width: pixels of the output, instead of the options'.

    Attributes:
        size: (width, height) of the output in pixels, both even.
        picture_size: (width, height) of the video's picture in it; None if it shows none.

    Raises:
        ConfigError: the options name people or joints that do not exist.
    """

    def __init__(
        self, motion: Motion3D, options: RenderOptions | None = None, *, width: int | None = None
    ) -> None:
        self._motion = motion
        self._options = options = RenderOptions() if options is None else options
        self._style = STYLES[options.style]
        self._people = sorted(columns_of(options.person, motion.keypoints))
        self._actions = FrameLabels(from_json(motion.meta.get("actions", ())))
        width = options.width if width is None else width
        self.size, self._panels = panels(options.layout, motion.keypoints.size, width)
        self._scene = Scene(motion, options.person)
        self._trails = None
        if options.trail > 0:
            self._trails = Trails(self._scene, options.trail, options.trail_joints)
        self._views = {p.name: self._view(p) for p in self._panels if p.name != "picture"}
        self.picture_size: Size | None = next(
            (panel.size for panel in self._panels if panel.name == "picture"), None
        )

    def compose(self, canvas: Canvas, row: int, picture: RgbImage | Planar | None) -> None:
        """Draw one output picture.

        Args:
            canvas: a canvas of ``size``, overwritten; always of one kind.
            row: index of one of the motion's T frames.
            picture: the video's picture, of the canvas's kind, and if planar of ``picture_size``;
                not needed if ``picture_size`` is None. None leaves its area empty.
        """
        for panel in self._panels:
            part = canvas.part(panel.left, panel.top, *panel.size)
            if panel.name == "picture":
                self._overlay(part, row, picture)
            else:
                self._views[panel.name].draw(part, row)
        self._part_panels(canvas)
        letters = text_height(self._panels[0].size)
        number = int(self._motion.keypoints.frame_index[row])
        words = f"frame {number}   {self._motion.timestamps[row]:.2f} s"
        style = self._style
        write(canvas, words, (letters, 2 * letters), letters, style.text, plate=style.plate)

    def compose_rgb(self, row: int, picture: RgbImage | None) -> RgbImage:
        """Draw one output picture as (height, width, 3) uint8 RGB; see :meth:`compose`."""
        image = np.empty((self.size[1], self.size[0], 3), dtype=np.uint8)
        self.compose(Canvas.on_rgb(image), row, picture)
        return image

    def _view(self, panel: Panel) -> View3D:
        options = self._options
        flat = _ELEVATIONS.get(panel.name)
        azimuth, elevation = (options.azimuth, options.elevation) if flat is None else flat
        move = options.camera
        if flat is not None and move == "orbit":
            move = "fixed"
        return View3D(
            self._scene,
            panel.size,
            self._style,
            azimuth=azimuth,
            elevation=elevation,
            move=move,
            projection=options.projection if flat is None else "orthographic",
            turn=options.turn,
            trails=self._trails,
            title=None if flat is None else panel.name,
        )

    def _overlay(self, canvas: Canvas, row: int, picture: RgbImage | Planar | None) -> None:
        if picture is None:
            canvas.fill(self._style.background)
        else:
            canvas.paste_picture(picture)
        keypoints = self._motion.keypoints
        near = keypoints.spans.people_in(slice(row, row + 1))
        scaled = kept(keypoints, "data").at(row, near)
        # Pixel coordinates are relative to the centre of the first pixel.
        factor = np.array(canvas.size) / np.array(keypoints.size)
        scaled[..., :2] = (scaled[..., :2] + 0.5) * factor - 0.5
        ids = keypoints.track_ids.tolist()
        points = dict(zip(near.tolist(), scaled, strict=True))
        people = [column for column in self._people if column in points]
        labels = {c: f"{ids[c]} {self._actions.of(row, ids[c])}".rstrip() for c in people}
        feet = {column: self._scene.feet_down(row, column) for column in people}
        draw_people(canvas, points, keypoints.skeleton, labels, self._style, feet_down=feet)
        if self._options.layout == "overlay":
            self._legend(canvas)

    def _legend(self, canvas: Canvas) -> None:
        tone, letters = self._style.tone, text_height(canvas.size)
        items: list[tuple[str, Colour | None]] = [
            ("left", tone(LEFT)),
            ("right", tone(RIGHT)),
            ("faint, dashed: unsure", None),
        ]
        if self._scene.knows_contacts:
            items.append(("ring: foot down", None))
        at = (letters, canvas.size[1] - letters)
        legend(canvas, items, at, letters, self._style, plate=True)

    def _part_panels(self, canvas: Canvas) -> None:
        """Draw a thin line between panels."""
        for panel in self._panels:
            if panel.left:
                edge = canvas.part(panel.left, panel.top, 2, panel.size[1])
                edge.fill(self._style.grid)
            if panel.top:
                canvas.part(panel.left, panel.top, panel.size[0], 2).fill(self._style.grid)
