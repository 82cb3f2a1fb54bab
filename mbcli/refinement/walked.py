"""The way of a camera that moves through space, from feet that stand in its pictures.

While a foot stands, it moves in the picture only because the camera moves. How far, in metres, the
person's size tells.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.sparse import csc_matrix, diags_array
from scipy.sparse.linalg import spsolve

from mbcli.geometry import unit
from mbcli.motion import Motion3D
from mbcli.refinement.feet import lifted, steady
from mbcli.refinement.floor import body_height
from mbcli.refinement.joints import standing_joints
from mbcli.refinement.planted import LASTING
from mbcli.timeline import runs, shots_of
from mbcli.types import FloatArray
from mbcli.values import changed, kept

# Of people 1.70 m tall whom virtual cameras have filmed (`benchmarks.world.paths`).
_LOW = 0.05  # metres above the lowest ankle around that time, where standing is as likely as not
_STANDS = 0.3  # metres a second by which a foot that stands seems to move
# The ankle of a walking person goes on while the heel rises: from true poses, 28 walks of 14 people
# come out 0.85 to 0.90 of what they are.
_ROLLS = 1.13
# What is seen of one foot in one moment; and by how much the speed of a camera that is carried
# changes in a second.
_SPEED, _LEVEL = 0.07, 0.023  # metres a second, metres
_CHANGES = 0.37  # metres a second
_ROUNDS = 8  # of re-weighting; the last changes ways by under 1 %
_SHORTEST = 3  # frames of a person
_SURELY = 0.3  # of a foot: at least this much stands
_SEEN = 0.25  # share of the frames in which somebody's feet must stand
_TIED = 0.5  # share of them whose background must have been followed, so that turns are known


@dataclass(frozen=True, eq=False)
class _Steps:
    """What the feet of somebody say of the camera in n frames without a gap, if they stand.

    Attributes:
        rows: the frames.
        speed: (n, 2, 3) metres a second of the camera.
        level: (n, 2) metres by which the camera is lower than above its mean over the ankle.
        low: (n, 2) how likely they stand, 0..1, by their height.
        own: (n, 3) metres a second of the person, as seen from the camera.
        down: (3,) unit vector from the chest to the feet.
        size: of the person relative to 1.70 m.
    """

    rows: slice
    speed: FloatArray
    level: FloatArray
    low: FloatArray
    own: FloatArray
    down: FloatArray
    size: float


def with_way(motion: Motion3D) -> Motion3D:
    """The motion with the places of a camera that moves, if feet show them, else as it is.

    ``meta["camera"]["walked"]`` is the share of the frames in which they do. The ground is taken to
    be level. Nothing in the axes of the camera changes.

    Args:
        motion: whose camera, if it moves, turns as the background shows.
    """
    camera = motion.camera.ungrounded
    report, shots = dict(motion.meta["camera"]), shots_of(motion.keypoints)
    carried = report.get("carried", [])  # shots
    if not carried or report["tied"] < _TIED * len(motion.timestamps):
        return motion
    poses, shares = camera.world_from_camera.copy(), []
    for shot in (shots[number] for number in carried):
        found = [one for who in range(len(motion.spans)) for one in _steps(motion, who, shot)]
        way, share = _way(found, shot, motion.fps)
        poses[shot, :3, 3] = way
        shares.append(share)
    report["walked"] = round(float(min(shares)), 3)
    if report["walked"] < _SEEN:
        return changed(motion, meta={**motion.meta, "camera": report})
    report["found"] = (
        "moves through space; its way, and with it people's paths, are from feet that stand in "
        f"{100 * report['walked']:.0f} % of the pictures"
    )
    camera = camera.posed(poses, motion="moving")
    return changed(motion, camera=camera, meta={**motion.meta, "camera": report})


def _steps(motion: Motion3D, who: int, shot: slice) -> list[_Steps]:
    """What the feet of a person (a column) say in a shot."""
    skeleton, fps = motion.skeleton, motion.fps
    at, span = standing_joints(skeleton), motion.spans.frames_of(who)
    body: FloatArray = kept(motion, "positions")[who].astype(np.float64)
    root: FloatArray = kept(motion, "root")[who].astype(np.float64)
    seen = np.isfinite(root).all(axis=-1)
    frames = np.arange(span.start, span.stop)
    seen &= (frames >= shot.start) & (frames < shot.stop)
    if not seen.any():
        return []
    camera = motion.camera.ungrounded
    body, root = (camera.to_world(points, span) for points in (body, root[:, None]))
    feet = body[:, at.ankles].mean(axis=1)
    down = unit(np.nanmedian(unit(feet - body[:, at.thorax])[seen], axis=0))
    size = body_height(body[seen], skeleton) / 1.70
    found = []
    for start, stop in runs(seen):
        if stop - start < _SHORTEST:
            continue
        part = slice(start, stop)
        ankles = np.stack([steady(body[part, joint], fps) for joint in at.ankles], axis=1)
        place = np.gradient(steady(root[part, 0], fps), axis=0) * fps
        lift = lifted(ankles @ down, np.ones(stop - start, np.bool_), fps) / size
        found.append(
            _Steps(
                slice(span.start + start, span.start + stop),
                -np.gradient(ankles, axis=0) * fps - place[:, None],
                -(ankles + root[part]) @ down,
                np.exp(-0.5 * (np.maximum(lift, 0.0) / _LOW) ** 2),
                place,
                down,
                size,
            )
        )
    return found


def _way(found: Sequence[_Steps], shot: slice, fps: float) -> tuple[FloatArray, float]:
    """(t, 3) metres the camera has gone since the first frame, and the share of frames with feet.

    Feet that do not fit the others, and themselves over time, do not stand (Cauchy). The camera is
    as far above standing feet as it was.
    """
    count = shot.stop - shot.start
    if not found or count < _SHORTEST:
        return np.zeros((count, 3)), 0.0
    down = unit(np.mean([one.down for one in found], axis=0))
    feet = _Feet(found, shot, fps)
    weights = [one.low for one in found]
    for _ in range(_ROUNDS):
        speed = feet.solved([one.speed for one in found], weights, _SPEED, 1)
        apart = [speed[rows, None] - one.speed for rows, one in zip(feet.rows, found, strict=True)]
        weights = [
            one.low / (1 + (np.linalg.norm(off, axis=-1) / one.size / _STANDS) ** 2)
            for one, off in zip(found, apart, strict=True)
        ]
    rolls = [
        one.speed + (_ROLLS - 1) * (speed[rows] + one.own)[:, None]
        for rows, one in zip(feet.rows, found, strict=True)
    ]
    speed = feet.solved(rolls, weights, _SPEED, 1)
    usual = [
        np.sum(one.level * weight) / max(weight.sum(), 1e-9)
        for one, weight in zip(found, weights, strict=True)
    ]
    level = feet.solved(
        [(one.level - mean)[..., None] for one, mean in zip(found, usual, strict=True)],
        weights,
        _LEVEL,
        2,
    )
    steps = (speed[1:] + speed[:-1]) / (2 * fps)
    way = np.concatenate([np.zeros((1, 3)), np.cumsum(steps, axis=0)])
    way = way + (level - level[:1] - way @ down[:, None]) * down
    return way, float((feet.total(weights) > _SURELY).mean())


class _Feet:
    """Least squares over the frames of a shot, from what everybody's feet say.

    Args:
        found: the feet.
        shot: the frames.
        fps: frames per second.
    """

    def __init__(self, found: Sequence[_Steps], shot: slice, fps: float) -> None:
        self._count, self._fps = shot.stop - shot.start, fps
        self.rows = [slice(o.rows.start - shot.start, o.rows.stop - shot.start) for o in found]

    def total(self, weights: Sequence[FloatArray]) -> FloatArray:
        """(t,) the sum of weights (n, 2) each in every frame."""
        total = np.zeros(self._count)
        for rows, weight in zip(self.rows, weights, strict=True):
            total[rows] += weight.sum(axis=1)
        return total

    def solved(
        self,
        values: Sequence[FloatArray],
        weights: Sequence[FloatArray],
        noise: float,
        order: int,
    ) -> FloatArray:
        """(t, D) what comes nearest to values (n, 2, D), and goes on as a camera does.

        Args:
            values: of the camera, as each foot has it.
            weights: (n, 2) each.
            noise: their standard deviation.
            order: 1 for speeds, 2 for places: the derivative that is a speed's change.
        """
        right = np.zeros((self._count, values[0].shape[-1]))
        for rows, value, weight in zip(self.rows, values, weights, strict=True):
            right[rows] += (weight[..., None] * value).sum(axis=1)
        change = diags_array([-1.0, 1.0], offsets=[0, 1], shape=(self._count - 1, self._count))
        if order == 2:
            shape = (self._count - 2, self._count - 1)
            change = diags_array([-1.0, 1.0], offsets=[0, 1], shape=shape) @ change
        smoothly = (change.T @ change) * (self._fps ** (2 * order - 1) / _CHANGES**2)
        scale = noise**2 * max(1.0, LASTING * self._fps)
        system = smoothly + diags_array([self.total(weights) / scale], offsets=[0])
        return np.asarray(spsolve(csc_matrix(system), right / scale)).reshape(right.shape)
