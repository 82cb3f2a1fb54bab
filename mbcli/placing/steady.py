"""The picture that a camera would have seen had it not turned; people are lifted and placed in it.

A camera that follows a walker keeps them in the middle of the picture, and one that shakes shakes
them. Their keypoints are therefore moved to where a steady camera in the same place, with the first
picture's focal length, would have seen them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.ndimage import gaussian_filter1d
from scipy.spatial.transform import Rotation

from mbcli.camera import Camera
from mbcli.placing.camera_motion import CameraPath
from mbcli.placing.ties import read_at_once
from mbcli.types import FloatArray, Keypoints2D
from mbcli.values import changed, kept

_REACH = 35.0  # degrees that the camera may look away from where the steady one looks
_EDGE = 75.0  # degrees from the steady camera's axis at which its picture has an end
_EASE = 0.5  # seconds over which it follows, where it has to


@dataclass(frozen=True, eq=False)
class Steady:
    """Turns between the camera and a steady one in the same place.

    Attributes:
        camera: the lens, with the first picture's focal length.
        turns: (T, 3, 3) rotations from the axes of the camera to those of the steady one.
        zooms: (T,) focal length of the camera relative to the lens.
        during: (T, 2, 3) how the camera turns while a picture is read, see
            `mbcli.placing.ties.read_at_once`.
    """

    camera: Camera
    turns: FloatArray
    zooms: FloatArray
    during: FloatArray

    @classmethod
    def of(
        cls,
        path: CameraPath,
        camera: Camera,
        size: tuple[int, int],
        shots: Sequence[slice],
        fps: float,
    ) -> Steady:
        """The steady camera of a turning one.

        It looks into the mean direction of its shot. Where the camera turns too far from there for
        one picture, the steady one follows at a distance, smoothly.

        Args:
            path: the camera's turns.
            camera: its lens.
            size: (width, height) of the pictures in pixels.
            shots: the frames of each shot.
            fps: frames per second.
        """
        edge = np.degrees(np.arctan(np.hypot(*size) / 2 / camera.focal.min()))
        reach = np.radians(max(1.0, min(_REACH, _EDGE - float(edge))))
        turns = path.turns.copy()
        for rows in shots:
            there = path.turns[rows]
            steady = _followed(there, reach, _EASE * fps)
            turns[rows] = np.swapaxes(steady, 1, 2) @ there
        return cls(camera, turns, path.zooms, path.during)

    def keypoints(self, seen: Keypoints2D) -> Keypoints2D:
        """Tracks as the steady camera sees them; boxes stay, and what is behind it is missing."""
        data = kept(seen, "data")
        frame, rows = data.spans.frame, data.rows.astype(np.float64)
        lens, zoom = self.camera, self.zooms[frame][:, None, None]
        off = rows[..., :2] - lens.centre
        rays = lens.unproject(off / zoom + lens.centre)
        if self.during.any():
            rays = read_at_once(rays, off / (2 * lens.centre), self.during[frame][:, None])
        ahead = np.append(rays, np.ones_like(rays[..., :1]), axis=-1)
        moved = lens.project(np.einsum("nij,nkj->nki", self.turns[frame], ahead))
        known = np.asarray(np.isfinite(moved).all(axis=-1))
        confidence = np.where(known, rows[..., 2], 0.0)
        return changed(
            seen,
            data=data.filled_with(
                np.append(
                    np.where(known[..., None], moved, np.nan), confidence[..., None], axis=-1
                ).astype(np.float32)
            ),
        )

    def back(self, points: FloatArray, frames: slice) -> FloatArray:
        """Points (t, ..., 3) of some frames from the steady camera's axes to the camera's."""
        return np.einsum("tji,t...j->t...i", self.turns[frames], points).astype(points.dtype)


def _followed(turns: FloatArray, reach: float, ease: float) -> FloatArray:
    """(T, 3, 3) turns that stay within ``reach`` (radians) of others, as still as possible."""
    mean = Rotation.from_matrix(turns).mean()
    if _angles(mean.as_matrix()[None], turns).max() <= reach:
        return np.broadcast_to(mean.as_matrix(), turns.shape)
    leashed, at = [], turns[0]
    for turn in turns:
        away = Rotation.from_matrix(at.T @ turn).as_rotvec()
        angle = np.linalg.norm(away)
        if angle > reach:
            at = at @ Rotation.from_rotvec(away * (1 - reach / angle)).as_matrix()
        leashed.append(at)
    # Smoothed along the steps, which are small, so that no axis is special.
    steps = np.array(leashed)
    vectors = Rotation.from_matrix(np.swapaxes(steps[:-1], 1, 2) @ steps[1:]).as_rotvec()
    smooth = gaussian_filter1d(vectors, max(ease, 0.5), axis=0, mode="nearest")
    result = [steps[0]]
    for vector in smooth:
        result.append(result[-1] @ Rotation.from_rotvec(vector).as_matrix())
    return np.array(result)


def _angles(one: FloatArray, other: FloatArray) -> FloatArray:
    cosine = (np.trace(np.swapaxes(one, 1, 2) @ other, axis1=1, axis2=2) - 1) / 2
    return np.asarray(np.arccos(np.clip(cosine, -1, 1)))
