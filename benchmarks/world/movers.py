"""Virtual cameras in the place of a real one that stood still: they pan, roll, shake and zoom.

A camera that turns in place sees a picture of the still camera's, warped by a homography, so that
real footage from a tripod becomes real footage of a moving camera, and what the still camera gives
is the truth.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt
from scipy.ndimage import gaussian_filter1d
from scipy.spatial.transform import Rotation

from mbcli.types import FloatArray

Picture = npt.NDArray[np.uint8]


@dataclass(frozen=True, eq=False)
class Mover:
    """A virtual camera that looks at pictures of a still one, from its place.

    Attributes:
        turns: (T, 3, 3) rotations from its axes to those of the still camera.
        zooms: (T,) its focal length relative to that of the still camera.
        size: (width, height) of its pictures in pixels.
    """

    turns: FloatArray
    zooms: FloatArray
    size: tuple[int, int]

    def lens(self, row: int, focal: float) -> FloatArray:
        """(3, 3) camera matrix; ``focal`` is that of the still camera in pixels."""
        return _lens(focal * float(self.zooms[row]), self.size)

    def filmed(self, pictures: Iterable[Picture], focal: float) -> Iterator[Picture]:
        """What it sees of the still camera's pictures; beyond their edges, their mirror image."""
        for row, picture in enumerate(pictures):
            if row >= len(self.turns):
                return
            whole = _lens(focal, (picture.shape[1], picture.shape[0]))
            view = whole @ self.turns[row] @ np.linalg.inv(self.lens(row, focal))
            flags = cv2.INTER_CUBIC | cv2.WARP_INVERSE_MAP
            seen = cv2.warpPerspective(
                picture, view, self.size, flags=flags, borderMode=cv2.BORDER_REFLECT_101
            )
            yield np.asarray(seen, np.uint8)

    def seen(self, points: FloatArray, focal: float, size: tuple[int, int]) -> FloatArray:
        """Keypoints (T, ..., 2) of the still camera, in pixels, where this one sees them.

        Args:
            points: in the still camera's pictures.
            focal: of the still camera.
            size: (width, height) of its pictures.
        """
        moved = np.empty(points.shape)
        still = np.linalg.inv(_lens(focal, size))
        for row in range(len(points)):
            view = self.lens(row, focal) @ self.turns[row].T @ still
            ahead = points[row] @ view[:, :2].T + view[:, 2]
            moved[row] = ahead[..., :2] / ahead[..., 2:]
        return moved


def _lens(focal: float, size: tuple[int, int]) -> FloatArray:
    return np.array([[focal, 0, size[0] / 2], [0, focal, size[1] / 2], [0, 0, 1.0]])


def _turned(vectors: FloatArray, size: tuple[int, int], zooms: FloatArray | None = None) -> Mover:
    """A mover from rotation vectors (T, 3): tilt, pan and roll in radians."""
    zooms = np.ones(len(vectors)) if zooms is None else zooms
    return Mover(Rotation.from_rotvec(vectors).as_matrix(), zooms, size)


def still(frames: int, size: tuple[int, int], focal: float) -> Mover:
    """A window that stays where it is."""
    return _turned(np.zeros((frames, 3)), size)


def pan(pixels: float) -> Callable[[int, tuple[int, int], float], Mover]:
    """A pan to and fro, by so many pixels a frame in the middle of the picture."""

    def mover(frames: int, size: tuple[int, int], focal: float) -> Mover:
        steps = np.arange(frames) * pixels / focal
        reach = np.radians(11.0)
        there = reach - np.abs((steps + reach) % (4 * reach) - 2 * reach)  # a triangle wave from 0
        return _turned(np.stack([0 * there, there, 0 * there], axis=1), size)

    return mover


def shake(frames: int, size: tuple[int, int], focal: float) -> Mover:
    """A hand: drift by some degrees, tremor of up to some 6 Hz by tenths of one."""
    rng = np.random.default_rng(7)
    parts = [(10.0, 2.5), (3.0, 0.8), (1.0, 0.25)]  # frames, degrees
    vectors = np.zeros((frames, 3))
    for sigma, degrees in parts:
        noise = gaussian_filter1d(rng.standard_normal((frames + 200, 3)), sigma, axis=0)[100:-100]
        vectors += noise / noise.std(axis=0) * np.radians(degrees) * (1, 1, 0.6)
    return _turned(vectors - vectors[0], size)


def roll(frames: int, size: tuple[int, int], focal: float) -> Mover:
    """To and fro about the line of sight, by 15 degrees either way."""
    angle = np.radians(15.0) * np.sin(np.arange(frames) / 30 * np.pi)
    return _turned(np.stack([0 * angle, 0 * angle, angle], axis=1), size)


def zoom(frames: int, size: tuple[int, int], focal: float) -> Mover:
    """In by a third within two seconds, and out again, while panning a little."""
    phase = np.arange(frames) / 30 * np.pi / 2
    pans = np.radians(4.0) * np.sin(phase)
    vectors = np.stack([0 * pans, pans, 0 * pans], axis=1)
    return _turned(vectors, size, 1 + 0.33 * np.sin(phase) ** 2)


MOVERS: dict[str, Callable[[int, tuple[int, int], float], Mover]] = {
    "still": still,
    "pan 1": pan(1.0),
    "pan 3": pan(3.0),
    "pan 10": pan(10.0),
    "shake": shake,
    "roll": roll,
    "zoom": zoom,
}
"""By name; each takes the number of frames, the size of its pictures and the still focal length."""
