"""One output picture per frame: the video's picture with skeletons, the 3D view, or both."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import cv2
import numpy as np

from mbcli.actions import frame_labels, from_json
from mbcli.drawing.draw2d import draw_people
from mbcli.drawing.ink import LEFT, RIGHT, RgbImage, legend, text_height, write
from mbcli.drawing.view3d import View3D
from mbcli.errors import ConfigError
from mbcli.motion import Motion3D

# The shorter side of the video's picture is brought within this range of pixels, its longer side
# below the last number: letters stay readable, and the result plays on usual hardware.
_SHORTER_SIDE = (480, 1080)
_LONGER_SIDE = 2560
_NO_PICTURE = 48  # grey level where the video has no such frame


@dataclass(frozen=True)
class RenderOptions:
    """How to draw.

    Attributes:
        layout: ``overlay`` is the video with skeletons, ``3d`` the view, ``side`` both.
        azimuth: degrees by which one has walked around the people, to the right, before looking:
            0 is the view of the video's camera, 90 from the side.
        elevation: degrees by which the view looks down, -90 to 90.

    Raises:
        ConfigError: a value outside its rule.
    """

    layout: Literal["side", "overlay", "3d"] = "side"
    azimuth: float = 35.0
    elevation: float = 12.0

    def __post_init__(self) -> None:
        if self.layout not in ("side", "overlay", "3d"):
            raise ConfigError(f"--layout must be side, overlay or 3d, got {self.layout}")
        if not math.isfinite(self.azimuth):
            raise ConfigError(f"--azimuth must be a number of degrees, got {self.azimuth:g}")
        if not -90 <= self.elevation <= 90:
            raise ConfigError(f"--elevation must be within -90..90 degrees, got {self.elevation:g}")


class Composer:
    """Draws the output pictures of one motion, in any order.

    Args:
        motion: what to draw.
        options: how.
        width: pixels of the output; by default what the video's picture asks for.

    Attributes:
        size: (width, height) of the output in pixels.
    """

    def __init__(
        self, motion: Motion3D, options: RenderOptions | None = None, *, width: int | None = None
    ) -> None:
        self._motion = motion
        options = RenderOptions() if options is None else options
        spans = from_json(motion.meta.get("actions", ()))
        self._actions = frame_labels(spans, motion.track_ids, len(motion.timestamps))[0]
        self._layout = options.layout
        size = _picture_size(motion.keypoints.size)
        if width is not None:
            whole = size[0] + (min(size) if self._layout == "side" else 0)
            size = _scaled(size, width / whole)
        # Beside the picture, a view as high and as wide as its shorter side.
        view = (min(size), size[1]) if self._layout == "side" else size
        self._picture = (0, 0) if self._layout == "3d" else size
        self._view = None
        if self._layout != "overlay":
            self._view = View3D(motion, view, azimuth=options.azimuth, elevation=options.elevation)
        self.size = (size[0] + view[0], size[1]) if self._layout == "side" else size

    def compose(self, row: int, picture: RgbImage | None) -> RgbImage:
        """Draw one output picture.

        Args:
            row: which of the motion's T frames.
            picture: (H, W, 3) uint8 RGB, the video's; not needed for the layout ``3d``. None
                leaves grey what it would have filled.

        Returns:
            (height, width, 3) uint8 RGB of ``size``.
        """
        canvas = np.empty((self.size[1], self.size[0], 3), dtype=np.uint8)
        across = self._picture[0]
        if across:
            self._overlay(canvas[:, :across], row, picture)
        if self._view is not None:
            self._view.draw(canvas[:, across:], row)
        letters = text_height(self.size)
        number = int(self._motion.keypoints.frame_index[row])
        words = f"frame {number}   {self._motion.timestamps[row]:.2f} s"
        write(canvas, words, (letters, 2 * letters), letters)
        return canvas

    def _overlay(self, image: RgbImage, row: int, picture: RgbImage | None) -> None:
        size = (image.shape[1], image.shape[0])
        if picture is None:
            image[:] = _NO_PICTURE
        elif picture.shape == image.shape:
            image[:] = picture
        else:
            smaller = picture.shape[0] > size[1]
            method = cv2.INTER_AREA if smaller else cv2.INTER_LINEAR
            image[:] = cv2.resize(picture, size, interpolation=method)
        keypoints = self._motion.keypoints
        scaled = keypoints.data[row].copy()
        scaled[..., :2] *= np.array(size) / np.array(keypoints.size)
        labels = [
            f"{number} {action}".rstrip()
            for number, action in zip(keypoints.track_ids, self._actions[row], strict=True)
        ]
        draw_people(image, scaled, keypoints.skeleton, labels)
        if self._layout == "overlay":
            letters = text_height(size)
            items = [("left", LEFT), ("right", RIGHT), ("faint: unsure", None)]
            legend(image, items, letters, size[1] - letters)


def _picture_size(size: tuple[int, int]) -> tuple[int, int]:
    """How large the video's picture becomes in the output."""
    shorter, longer = min(size), max(size)
    low, high = _SHORTER_SIDE
    return _scaled(size, min(min(max(shorter, low), high) / shorter, _LONGER_SIDE / longer))


def _scaled(size: tuple[int, int], factor: float) -> tuple[int, int]:
    return max(1, round(size[0] * factor)), max(1, round(size[1] * factor))
