"""Resampling a motion to another rate with even times.

Positions are interpolated by cubic splines through every run of frames without a gap, joint by
joint, so that the curves pass smoothly through the measurements; keypoints, boxes and confidences
linearly. Nothing is interpolated over a gap: a new frame exists only if the frames on both sides of
it do. There is no smoothing before reducing the rate: movement faster than half of it should be
filtered out by refinement. Rotations of bones are solved from the new positions; those of heads and
hands that were seen are interpolated on the shortest arcs.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from mbcli.bounds import RESAMPLED_FRAMES
from mbcli.camera import Camera
from mbcli.errors import ConfigError
from mbcli.kinematics.rotations import between, from_vectors, to_vectors
from mbcli.motion import Motion3D
from mbcli.spans import PerPerson, Spans
from mbcli.timeline import known_together, runs
from mbcli.types import FloatArray, IntArray, Keypoints2D
from mbcli.values import changed, kept, kept_if_any

# Frames may be off an even grid by this share of a frame before a format without time stamps needs
# resampling: containers round to a millisecond.
_UNEVEN = 0.1

# Times closer than this many seconds are equal.
_SAME = 1e-6


def even(motion: Motion3D) -> bool:
    """Whether frames are evenly spaced at the motion's rate."""
    times = motion.timestamps
    grid = times[:1] + np.arange(len(times)) / motion.fps
    return bool(np.all(np.abs(times - grid) <= _UNEVEN / motion.fps))


def resampled(motion: Motion3D, fps: float) -> Motion3D:
    """Resample a motion from its first frame to its last; frames are numbered from 0 anew.

    Args:
        motion: a motion at any rate, possibly with uneven times.
        fps: frames per second.

    Raises:
        ConfigError: that would be far more frames than there are, as of a clock that jumps.
    """
    old = motion.timestamps
    if not len(old):
        return motion
    count = math.floor((old[-1] - old[0]) * fps + _SAME * fps) + 1
    least, each = RESAMPLED_FRAMES
    most = least + each * len(old)
    if count > most:
        steps = np.diff(old)
        longest = int(steps.argmax())
        instead = "choose another --fps"
        if old[-1] - old[0] > most * np.median(steps):
            instead = "infer what is before and after it with --start and --end"
        raise ConfigError(
            f"a motion of {len(old)} frames must become at most {most} frames, "
            f"got {count} at {fps:g} per second; its longest pause is {steps[longest]:.7g} s "
            f"after {old[longest]:.7g} s: {instead}"
        )
    new = old[0] + np.arange(count) / fps
    keypoints, refinement = motion.keypoints, motion.refinement
    clocks, camera = _Clocks(motion.spans, old, new), _camera(old, motion.camera, new)
    if refinement is not None:
        contacts = kept_if_any(refinement, "foot_contacts")
        raw = refinement.camera
        cameras = (motion.camera, camera) if raw is None else (raw, _camera(old, raw, new))
        positions, root = _bodies(clocks, refinement, *cameras)
        refinement = changed(
            refinement,
            positions=positions,
            root=root,
            confidence=clocks.each(kept(refinement, "confidence"), _scores),
            camera=None if raw is None else cameras[1],
            foot_contacts=None if contacts is None else clocks.each(contacts, _at_nearest),
            expected_error=_errors(clocks, refinement),
        )
    positions, root = _bodies(clocks, motion, motion.camera, camera)
    absent = np.isnan(positions.rows).any(axis=-1)  # (N, J)
    confidence = clocks.each(kept(motion, "confidence"), _scores)
    return changed(
        motion,
        positions=positions,
        root=root,
        positions_normalized=clocks.each(kept(motion, "positions_normalized"), _smooth),
        confidence=confidence.filled_with(np.where(absent, np.float32(0), confidence.rows)),
        keypoints=changed(
            keypoints,
            data=clocks.each(kept(keypoints, "data"), _points),
            boxes=clocks.each(kept(keypoints, "boxes"), _straight),
            fps=float(fps),
            timestamps=new,
            frame_index=np.arange(count),
            cuts=_cuts(keypoints, new),
        ),
        camera=camera,
        refinement=refinement,
        expected_error=_errors(clocks, motion),
        orientations=_orientations(clocks, motion),
        meta={**motion.meta, "resampled": {"from_fps": motion.fps, "to_fps": float(fps)}},
    )


class _Clocks:
    """The old and the new frames of each person.

    Args:
        spans: of the motion.
        old: (T,) seconds of the old frames.
        new: (T_new,) seconds of the new ones.
    """

    def __init__(self, spans: Spans, old: FloatArray, new: FloatArray) -> None:
        first, last = spans.first, np.maximum(spans.stop - 1, 0)
        start = np.searchsorted(new, old[first] - _SAME)
        stop = np.searchsorted(new, old[last] + _SAME, side="right")
        empty = (spans.stop == 0) | (stop <= start)
        self._old, self._new, self._spans = old, new, spans
        self._after = Spans(len(new), np.where(empty, 0, start), np.where(empty, 0, stop))

    def each(
        self,
        values: PerPerson,
        resample: Callable[[FloatArray, FloatArray, FloatArray], npt.NDArray[Any]],
    ) -> PerPerson:
        """Values of everybody at the new times.

        Args:
            values: (T, P, ...).
            resample: maps old times (t,), values (t, ...) and new times to new values.
        """
        after = self._after
        rows = np.empty((after.rows, *values.rows.shape[1:]), values.rows.dtype)
        for person in range(len(after)):
            times = self._new[after.frames_of(person)]
            if len(times):
                old = self._old[self._spans.frames_of(person)]
                rows[after.rows_of(person)] = resample(old, values[person], times)
        return PerPerson(after, rows, values.fill)


def _bodies(
    clocks: _Clocks, owner: object, before: Camera, after: Camera
) -> tuple[PerPerson, PerPerson]:
    """Positions and root at the new times, interpolated in the world.

    Args:
        clocks: the old and the new frames.
        owner: a motion, or what it was before refinement.
        before: its camera.
        after: the camera at the new times.
    """
    positions, root = kept(owner, "positions"), kept(owner, "root")
    if before.fixed:
        return clocks.each(positions, _smooth), clocks.each(root, _smooth)
    frame, rows = positions.spans.frame, positions.rows
    origin = before.to_world(np.zeros_like(rows[:, :1]), frame)
    there = (before.to_world(rows, frame) - origin).astype(np.float32)
    places = before.to_world(root.rows, frame).astype(np.float32)
    turned = clocks.each(positions.filled_with(there), _smooth)
    moved = clocks.each(root.filled_with(places), _smooth)
    frame = turned.spans.frame
    origin = after.from_world(np.zeros_like(turned.rows[:, :1]), frame)
    back = (after.from_world(turned.rows, frame) - origin).astype(np.float32)
    home = after.from_world(moved.rows, frame).astype(np.float32)
    return turned.filled_with(back), moved.filled_with(home)


def _orientations(clocks: _Clocks, motion: Motion3D) -> PerPerson | None:
    """Interpolate the turns of heads and hands on the shortest arcs, if there are any."""
    turned = kept_if_any(motion, "orientations")
    return None if turned is None else clocks.each(turned, _turned)


def _turned(old: FloatArray, values: FloatArray, new: FloatArray) -> FloatArray:
    """(t, 3, 4) rotation vectors and confidences; missing where either neighbour is."""
    out = _straight(old, values, new)
    missing = np.isnan(out[..., 0])
    out[..., 3] = _bounded(out[..., 3])
    out[missing] = np.nan, np.nan, np.nan, 0
    for part in range(values.shape[1]):
        known, there = np.isfinite(values[:, part, 0]), ~missing[:, part]
        if there.any():
            turns = from_vectors(values[known, part, :3])
            out[there, part, :3] = to_vectors(between(new[there], old[known], turns[:, None])[:, 0])
    return out


def _errors(clocks: _Clocks, owner: object) -> PerPerson | None:
    """Interpolate expected errors, if there are any."""
    errors = kept_if_any(owner, "expected_error")
    if errors is None:
        return None
    return clocks.each(errors, lambda *args: np.maximum(_straight(*args), 0.0))


def _scores(old: FloatArray, confidence: FloatArray, new: FloatArray) -> FloatArray:
    """Interpolate confidences."""
    return _bounded(_straight(old, confidence, new))


def _points(old: FloatArray, keypoints: FloatArray, new: FloatArray) -> FloatArray:
    """Interpolate keypoints (t, J, 3)."""
    data = _straight(old, keypoints, new)
    missing = np.isnan(data[..., :2]).any(axis=-1)
    data[..., 2] = np.where(missing, 0.0, _bounded(data[..., 2]))
    data[missing] = np.nan, np.nan, 0.0
    return data


def _at_nearest(old: FloatArray, values: npt.NDArray[Any], new: FloatArray) -> npt.NDArray[Any]:
    """The values at the nearest old frames."""
    if len(old) < 2:
        return values[np.zeros(len(new), np.int64)]
    return values[_nearest(old, new)]


def _camera(old: FloatArray, camera: Camera, new: FloatArray) -> Camera:
    """The camera at new times: rotated the shortest way, moved along straight lines."""
    zooms = np.interp(new, old, camera.zooms) if camera.zooming else np.ones(1)
    if camera.fixed:
        poses = np.broadcast_to(camera.first_pose, (len(new), 4, 4))
        return replace(camera, world_from_camera=poses, zooms=zooms)
    from scipy.spatial.transform import Rotation, Slerp

    poses = _straight(old, camera.world_from_camera, new)
    turns = Rotation.from_matrix(camera.world_from_camera[:, :3, :3])
    poses[:, :3, :3] = Slerp(old, turns)(np.clip(new, old[0], old[-1])).as_matrix()
    return replace(camera, world_from_camera=poses, zooms=zooms)


def _cuts(keypoints: Keypoints2D, new: FloatArray) -> IntArray:
    """The first new frame after each cut."""
    rows = np.searchsorted(keypoints.frame_index, keypoints.cuts)
    behind = keypoints.timestamps[rows[rows < len(keypoints.timestamps)]] - _SAME
    return np.unique(np.searchsorted(new, behind))


def _nearest(old: FloatArray, new: FloatArray) -> npt.NDArray[np.int64]:
    """(T_new,) the old frame nearest to each new one."""
    after = np.clip(np.searchsorted(old, new), 1, len(old) - 1)
    before = after - 1
    return np.where(new - old[before] <= old[after] - new, before, after)


def _around(
    old: FloatArray, new: FloatArray
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64], FloatArray]:
    """(T_new,) the old frames before and after each new one, and its position between them."""
    before = np.clip(np.searchsorted(old, new + _SAME, side="right") - 1, 0, len(old) - 1)
    after = np.minimum(before + 1, len(old) - 1)
    gone = new - old[before]
    span = np.where(after > before, old[after] - old[before], 1.0)
    at = np.abs(gone) <= _SAME
    return before, np.where(at, before, after), np.where(at, 0.0, gone / span)


def _straight(old: FloatArray, values: FloatArray, new: FloatArray) -> FloatArray:
    """Linear interpolation of (T, ...) to (T_new, ...); NaN next to NaN."""
    before, after, share = _around(old, new)
    weight = share.reshape(-1, *(1,) * (values.ndim - 1))
    return values[before] * (1 - weight) + values[after] * weight


def _smooth(old: FloatArray, values: FloatArray, new: FloatArray) -> FloatArray:
    """Cubic interpolation of (T, ..., 3) to (T_new, ..., 3), within runs without NaN."""
    from scipy.interpolate import CubicSpline

    curves = values.reshape(len(values), -1, 3).astype(np.float64)
    result = _straight(old, curves, new)
    filled = np.asarray(np.isfinite(curves).all(axis=-1))  # (T, N)
    for pattern, together in known_together(filled):
        for first, end in runs(pattern):
            inside = np.flatnonzero((new >= old[first] - _SAME) & (new <= old[end - 1] + _SAME))
            if end - first < 3 or not len(inside):
                continue  # keep the straight line
            spline = CubicSpline(old[first:end], curves[first:end][:, together])
            result[np.ix_(inside, together)] = spline(new[inside])
    return result.reshape(len(new), *values.shape[1:])


def _bounded(confidence: FloatArray) -> FloatArray:
    """Clip to 0..1, against rounding errors."""
    return np.clip(confidence, 0.0, 1.0)
