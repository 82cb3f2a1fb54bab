"""Virtual cameras in the place of a real one that stood still: they pan, roll, shake and zoom.

A camera that turns in place sees a picture of the still camera's, warped by a homography, so that
real footage from a tripod becomes real footage of a moving camera, and what the still camera gives
is the truth.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace

import cv2
import numpy as np
import numpy.typing as npt
from scipy.ndimage import gaussian_filter1d
from scipy.spatial.transform import Rotation, Slerp

from mbcli.types import FloatArray

Picture = npt.NDArray[np.uint8]

_ROUNDS = 5  # in search of the row in which somebody is seen


@dataclass(frozen=True, eq=False)
class Mover:
    """A virtual camera that looks at pictures of a still one, from its place.

    Attributes:
        turns: (T, 3, 3) rotations from its axes to those of the still camera.
        zooms: (T,) its focal length relative to that of the still camera.
        size: (width, height) of its pictures in pixels.
        readout: the time from its first row to the last, as a share of that from picture to
            picture (a rolling shutter); ``turns`` are those of the middle row.
    """

    turns: FloatArray
    zooms: FloatArray
    size: tuple[int, int]
    readout: float = 0.0

    def lens(self, row: int, focal: float) -> FloatArray:
        """(3, 3) camera matrix; ``focal`` is that of the still camera in pixels."""
        return _lens(focal * float(self.zooms[row]), self.size)

    def filmed(self, pictures: Iterable[Picture], focal: float) -> Iterator[Picture]:
        """What it sees of the still camera's pictures; beyond their edges, their mirror image."""
        for row, picture in enumerate(pictures):
            if row >= len(self.turns):
                return
            whole = _lens(focal, (picture.shape[1], picture.shape[0]))
            if self.readout:
                yield self._read(picture, row, whole, focal)
                continue
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
            lens, rays = self.lens(row, focal), points[row] @ still[:, :2].T + still[:, 2]
            y = np.full(rays.shape[:-1], self.size[1] / 2)
            for _ in range(_ROUNDS if self.readout else 1):
                ahead = np.einsum("...ji,...j->...i", self._turn(row, y), rays)
                ahead = ahead @ lens.T
                moved[row] = ahead[..., :2] / ahead[..., 2:]
                y = np.clip(np.nan_to_num(moved[row][..., 1]), 0, self.size[1])
        return moved

    def _turn(self, row: int, y: FloatArray) -> FloatArray:
        """(..., 3, 3) the turn when a row of pixels of a picture is read."""
        if not self.readout:
            return self.turns[row]
        times = row + self.readout * (y / self.size[1] - 0.5)
        turns, count = self.turns, len(self.turns)
        # It turned before its first picture, and goes on after the last.
        before, after = turns[0] @ turns[1].T @ turns[0], turns[-1] @ turns[-2].T @ turns[-1]
        every = Rotation.from_matrix(np.concatenate([before[None], turns, after[None]]))
        path = Slerp(np.arange(-1, count + 1), every)
        return np.asarray(path(times.ravel()).as_matrix()).reshape(*times.shape, 3, 3)

    def _read(self, picture: Picture, row: int, whole: FloatArray, focal: float) -> Picture:
        """What it sees of a picture, row by row."""
        width, height = self.size
        y = np.arange(height)
        views = whole @ self._turn(row, y + 0.5) @ np.linalg.inv(self.lens(row, focal))
        across = np.stack(np.broadcast_arrays(np.arange(width), y[:, None], 1.0), axis=-1)
        ahead = np.einsum("yij,yxj->yxi", views, across)
        at = (ahead[..., :2] / ahead[..., 2:]).astype(np.float32)
        mode = cv2.BORDER_REFLECT_101
        seen = cv2.remap(picture, at[..., 0], at[..., 1], cv2.INTER_CUBIC, borderMode=mode)
        return np.asarray(seen, np.uint8)


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


def rolling(
    mover: Callable[[int, tuple[int, int], float], Mover], readout: float
) -> Callable[[int, tuple[int, int], float], Mover]:
    """A mover with a rolling shutter; phones have some 0.5 to 0.9 at 30 frames a second."""
    return lambda frames, size, focal: replace(mover(frames, size, focal), readout=readout)


def hand(frames: int, size: tuple[int, int], focal: float) -> Mover:
    """A quiet hand: a third of the shake."""
    vectors = Rotation.from_matrix(shake(frames, size, focal).turns).as_rotvec()
    return _turned(0.3 * vectors, size)


MOVERS: dict[str, Callable[[int, tuple[int, int], float], Mover]] = {
    "still": still,
    "pan 1": pan(1.0),
    "pan 3": pan(3.0),
    "pan 10": pan(10.0),
    "shake": shake,
    "roll": roll,
    "zoom": zoom,
    "hand": hand,
    "shake, rolling": rolling(shake, 0.7),
    "hand, rolling": rolling(hand, 0.7),
    "pan 10, rolling": rolling(pan(10.0), 0.7),
}
"""By name; each takes the number of frames, the size of its pictures and the still focal length."""
