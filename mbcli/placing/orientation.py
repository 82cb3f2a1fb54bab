"""Which way a head and hands are turned, from keypoints of the face and of knuckles.

The 17 joints say where a head or a hand is, not how it is turned. Here a rigid template of an adult
(`mbcli.kinematics.templates`), in the person's size, is turned so that its points fall on the
keypoints, as seen from the camera at the depth of the lifted neck or wrist (weak perspective).
Several turns fit about equally well, since a picture does not tell near from far, and noise is as
large as a hand. So the turn relative to the lifted chest or forearm is looked for on a grid of
angles, weighed by how people turn heads and hands, and the sequence of turns that fits best and
turns no faster than people do is taken (Viterbi). Each is then the mean of the turns nearby,
weighed by how well they fit, and smoothed over time.

Turns lead from a T-pose that stands upright and faces the camera, palms down.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy.spatial.transform import Rotation

from mbcli.camera import Camera
from mbcli.geometry import nearest_rotation
from mbcli.kinematics.rig import JOINTS
from mbcli.kinematics.rotations import to_vectors
from mbcli.kinematics.solving import solve
from mbcli.kinematics.templates import FACE, HAND, STATURE
from mbcli.skeleton import ORIENTED, Skeleton
from mbcli.types import FloatArray, IntArray

# From the T-pose's axes (x left, y up, z forwards) to the camera's, which it faces.
FACING = np.diag([1.0, -1.0, -1.0])

# Metres by which keypoints of one head or hand are off, each by itself.
_NOISE = 0.018
_WORST = 9.0  # squared, in units of the noise: further off, a keypoint is an outlier
_SURE = 0.2  # confidence from which a keypoint counts
_FEWEST = 2  # keypoints that tell a direction
_NEAREST = 0.1  # metres from the camera
_BEST = 60  # turns of a frame that are followed over time
# Degrees of the grid's step, and degrees a second by which heads and hands turn.
_STEP, _SPEED = 12.0, 250.0
_NEAR = 30.0  # degrees around the best turn over which the mean is taken
_SMOOTHING = 0.07  # seconds, standard deviation
_AT_ONCE = 200  # frames


@dataclass(frozen=True, eq=False)
class Part:
    """A head or a hand.

    Attributes:
        points: metres in the T-pose's axes, by the keypoint's name.
        needed: keypoints without which nothing is known.
        origin: the keypoint from which the others are measured; None: from their mean.
        parent: the joint of the rig relative to which it turns.
        axes: of three rotations in this order, each about moving axes.
        angles: degrees of the grid about each of them.
        usual: degrees, standard deviation of how people turn it about each of them.
    """

    points: Mapping[str, tuple[float, float, float]]
    needed: tuple[str, ...]
    origin: str | None
    parent: str
    axes: str
    angles: tuple[Sequence[float], Sequence[float], Sequence[float]]
    usual: tuple[float, float, float]

    @cached_property
    def grid(self) -> tuple[FloatArray, FloatArray]:
        """(C, 3, 3) turns relative to the parent, and how unusual each is (C,), squared."""
        angles = np.stack(np.meshgrid(*self.angles, indexing="ij"), -1).reshape(-1, 3)
        turns = Rotation.from_euler(self.axes, angles, degrees=True).as_matrix()
        return turns, ((angles / self.usual) ** 2).sum(-1)


def _steps(most: float, step: float) -> Sequence[float]:
    return np.arange(-most, most + step / 2, step).tolist()


def _hand(side: str, out: float) -> Part:
    # The forearm's turn about itself is known only where the elbow is bent: any may be.
    return Part(
        points={
            f"{side}_{name}": (out * along, up, ahead) for name, (along, up, ahead) in HAND.items()
        },
        needed=(f"{side}_wrist", f"{side}_index", f"{side}_pinky"),
        origin=f"{side}_wrist",
        parent=f"{side}_wrist",
        axes="XZY",
        angles=(_steps(165, 15), _steps(75, 15), _steps(30, 15)),
        usual=(40.0, 20.0, 10.0),
    )


PARTS: Mapping[str, Part] = {
    "head": Part(
        points={name: (left, up, ahead) for name, (ahead, up, left) in FACE.items()},
        needed=(),
        origin=None,
        parent="thorax",
        axes="YXZ",
        angles=(_steps(96, 12), _steps(60, 12), _steps(36, 12)),
        usual=(35.0, 15.0, 10.0),
    ),
    "left_hand": _hand("left", 1.0),
    "right_hand": _hand("right", -1.0),
}
assert tuple(PARTS) == ORIENTED


def oriented(
    positions: FloatArray,
    skeleton: Skeleton,
    seen: FloatArray,
    of: Skeleton,
    camera: Camera,
    fps: float,
    height: float,
) -> FloatArray:
    """How a person's head and hands are turned.

    Args:
        positions: (T, J, 3) metres in the camera's frame.
        skeleton: of the J joints.
        seen: (T, K, 3) keypoints in pixels of a camera without distortion, and confidence.
        of: skeleton of the K keypoints.
        camera: that camera, for these frames.
        fps: frames per second.
        height: standing height of the person in metres.

    Returns:
        (T, 3, 4) float32: of head, left and right hand, a rotation vector in the camera's axes,
        from a T-pose that faces the camera, and a confidence 0..1; missing = (NaN, NaN, NaN, 0).
        The confidence is the mean of the keypoints', times the likelihood that the turn is right
        within 45 degrees.
    """
    out = np.full((len(positions), len(PARTS), 4), (np.nan, np.nan, np.nan, 0), np.float32)
    there = np.isfinite(positions).all(axis=(1, 2))
    if not there.any():
        return out
    parents = solve(positions @ FACING, fps, skeleton).chain[0]
    for number, part in enumerate(PARTS.values()):
        if not {*part.needed} <= {*of.joints} or not {*part.points} & {*of.joints}:
            continue
        fit = _Fit(part, positions, skeleton, seen, of, camera, height)
        frames = np.flatnonzero(there & fit.enough)
        if not len(frames):
            continue
        above = parents[frames, JOINTS.index(part.parent)]
        turns, likely = _followed(*fit.best(frames, above), frames / fps)
        out[frames, number, :3] = to_vectors(FACING @ turns @ FACING)
        out[frames, number, 3] = likely * fit.confidence[frames]
    return out


class _Fit:
    """The points of a part of one person, and how well turns of it fit them.

    The arguments are those of `oriented`.

    Attributes:
        enough: (T,) whether a frame has enough keypoints.
        confidence: (T,) mean of the keypoints that count.
    """

    def __init__(
        self,
        part: Part,
        positions: FloatArray,
        skeleton: Skeleton,
        seen: FloatArray,
        of: Skeleton,
        camera: Camera,
        height: float,
    ) -> None:
        self._part = part
        names = [name for name in part.points if name in of.joints]
        points = seen[:, [of.index(name) for name in names]].astype(np.float64)  # (T, N, 3)
        counts = (points[..., 2] >= _SURE) & np.isfinite(points).all(-1)
        needed = [of.index(name) for name in part.needed]
        self.enough = (seen[:, needed, 2] >= _SURE).all(1) & (counts.sum(1) >= _FEWEST)
        weights = np.where(counts, points[..., 2], 0.0)
        total = np.maximum(weights.sum(1), 1e-9)
        self.confidence = total / np.maximum(counts.sum(1), 1)
        self._weights = weights
        self._template = np.array([part.points[name] for name in names]) * (height / STATURE)
        pixels = np.nan_to_num(points[..., :2])
        # Offsets from the mean of the points say nothing about where the mean is.
        self._centred = part.origin is None
        shares = weights / total[:, None]
        self._shares = shares if self._centred else np.zeros_like(shares)
        start = (
            np.einsum("tn,tnd->td", shares, pixels)
            if part.origin is None
            else np.nan_to_num(seen[:, of.index(part.origin), :2].astype(np.float64))
        )
        self._away = pixels - start[:, None]  # (T, N, 2)
        at = positions[:, skeleton.index(part.origin or "nose")].astype(np.float64)
        depth = np.maximum(at[:, 2:], _NEAREST)
        # (T, 2, 3) pixels a metre from there on, of what is near: the derivative of a projection.
        straight = np.tile(np.eye(2), (len(at), 1, 1))
        ray = np.concatenate([straight, -(at[:, :2] / depth)[..., None]], axis=2)
        self._scale = camera.zooms * camera.focal[0] / depth[:, 0]
        self._view = self._scale[:, None, None] * ray

    def best(self, frames: IntArray, above: FloatArray) -> tuple[FloatArray, FloatArray]:
        """The turns of some frames that fit best.

        Args:
            frames: (K,) their numbers.
            above: (K, 3, 3) how the parent is turned there, from the T-pose in its own axes.

        Returns:
            (K, B, 3, 3) turns, the best first, and what each costs (K, B): minus the logarithm of
            how likely it is.
        """
        grid, unusual = self._part.grid
        reached = grid @ self._template.T  # (C, 3, N)
        turns = np.empty((len(frames), _BEST, 3, 3))
        costs = np.empty((len(frames), _BEST))
        for start in range(0, len(frames), _AT_ONCE):
            part = slice(start, start + _AT_ONCE)
            now = frames[part]
            view = self._view[now] @ FACING @ above[part]  # (K, 2, 3)
            drawn = np.einsum("kde,cen->kcnd", view, reached)
            drawn -= np.einsum("kn,kcnd->kcd", self._shares[now], drawn)[:, :, None]
            noise = np.hypot(_NOISE * self._scale[now], 1.0)[:, None, None]
            off = ((drawn - self._away[now][:, None]) ** 2).sum(-1) / noise**2  # (K, C, N)
            cost = (np.minimum(off, _WORST) * self._weights[now][:, None]).sum(-1) + unusual
            first = np.argsort(cost, axis=1)[:, :_BEST]
            costs[part] = np.take_along_axis(cost, first, 1) / 2
            turns[part] = above[part][:, None] @ grid[first]
        return turns, costs


def _followed(
    turns: FloatArray, costs: FloatArray, seconds: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """The sequence of turns that costs least, and turns no faster than people do.

    Args:
        turns: (K, B, 3, 3).
        costs: (K, B).
        seconds: (K,).

    Returns:
        (K, 3, 3), and the likelihood 0..1 that a turn is right within 45 degrees (K,).
    """
    total, before = costs[0], np.zeros(costs.shape, np.int64)
    for now in range(1, len(turns)):
        apart = _degrees(turns[now - 1], turns[now])  # (B, B)
        most = np.hypot(_STEP, _SPEED * (seconds[now] - seconds[now - 1]))
        through = total[:, None] + np.minimum((apart / most) ** 2 / 2, _WORST)
        before[now] = through.argmin(0)
        total = through.min(0) + costs[now]
    chosen = np.empty(len(turns), np.int64)
    chosen[-1] = total.argmin()
    for now in range(len(turns) - 1, 0, -1):
        chosen[now - 1] = before[now, chosen[now]]
    best = turns[np.arange(len(turns)), chosen]
    apart = np.stack([_degrees(b[None], t)[0] for b, t in zip(best, turns, strict=True)])
    likely = np.exp(costs.min(1, keepdims=True) - costs)
    mean = np.einsum("kb,kbij->kij", likely * (apart <= _NEAR), turns)
    share = (likely * (apart <= 45)).sum(1) / likely.sum(1)
    return _smooth(nearest_rotation(mean), share, seconds), share


def _smooth(turns: FloatArray, weights: FloatArray, seconds: FloatArray) -> FloatArray:
    """(K, 3, 3) means over a Gaussian window of time."""
    out = np.empty_like(turns)
    reach = 3 * _SMOOTHING
    first = np.searchsorted(seconds, seconds - reach)
    last = np.searchsorted(seconds, seconds + reach, side="right")
    for now, (start, stop) in enumerate(zip(first, last, strict=True)):
        near = np.exp(-(((seconds[start:stop] - seconds[now]) / _SMOOTHING) ** 2) / 2)
        near *= weights[start:stop] + 1e-3
        out[now] = np.einsum("k,kij->ij", near, turns[start:stop])
    return nearest_rotation(out)


def _degrees(one: FloatArray, other: FloatArray) -> FloatArray:
    """(A, B) angles between rotations (A, 3, 3) and (B, 3, 3)."""
    cosine = (np.einsum("aij,bij->ab", one, other) - 1) / 2
    return np.degrees(np.arccos(np.clip(cosine, -1, 1)))
