"""The figures of one motion against the truth, written from their definitions.

Poses are compared about the middle of the hips. Millimetres unless said.

- P-MPJPE: each frame brought onto its target by a similarity of its own.
- seq-PA: one similarity for the whole clip, poses about the middle of the hips.
- N-MPJPE: one scale for the whole clip, no rotation; where the true size is known, as after
  ``--height``, it stands beside MPJPE, which scales nothing.
- PCK: percentage of the joints within 150 mm, each frame aligned as for P-MPJPE.
- acceleration error: m/s^2, at the scale of N-MPJPE; and that of the same motion after a 6 Hz
  zero-phase filter, the yardstick of what can be had by filtering alone.
- jitter: mean distance between the motion and that filter's.
- bone spread: standard deviation over mean of the bone lengths over the clip, mean of the bones.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields

import numpy as np

from mbcli.evaluate.metrics import PCK_THRESHOLD, joint_errors
from mbcli.geometry import procrustes
from mbcli.placing.low_pass import butterworth
from mbcli.types import FloatArray

_MM = 1000.0
_FILTER_HZ = 6.0
_LEAST_FRAMES = 3  # to see an acceleration


@dataclass(frozen=True)
class Figures:
    """What the module's docstring defines.

    Attributes:
        p_mpjpe: mm.
        seq_pa: mm.
        n_mpjpe: mm.
        mpjpe: mm, nothing aligned but the place.
        pck: percent.
        acceleration: m/s^2.
        acceleration_filtered: m/s^2, of the filtered motion.
        jitter: mm.
        bone_spread: fraction.
        answered: percentage of the frames for which there is an answer; the others are not scored.
        frames: how many were scored.
        joints: P-MPJPE of each joint, mm.
    """

    p_mpjpe: float
    seq_pa: float
    n_mpjpe: float
    mpjpe: float
    pck: float
    acceleration: float
    acceleration_filtered: float
    jitter: float
    bone_spread: float
    answered: float
    frames: int
    joints: tuple[float, ...]

    @property
    def acceleration_ratio(self) -> float:
        """Acceleration error over that of the filtered motion."""
        return self.acceleration / self.acceleration_filtered


def centred(poses: FloatArray, hips: Sequence[int]) -> FloatArray:
    """(T, J, 3) with the middle of the hips at 0."""
    return np.asarray(poses - poses[:, list(hips)].mean(axis=1, keepdims=True), dtype=np.float64)


def aligned_errors(poses: FloatArray, target: FloatArray) -> FloatArray:
    """(T, J) mm after each frame's similarity; NaN where there is no answer."""
    errors = np.full(poses.shape[:2], np.nan)
    there = np.isfinite(poses).all(axis=(1, 2))
    errors[there] = joint_errors(procrustes(poses[there], target[there]), target[there]) * _MM
    return errors


def clip_aligned(poses: FloatArray, target: FloatArray) -> FloatArray:
    """(T, J, 3) after one similarity for all frames that have an answer."""
    there = np.isfinite(poses).all(axis=(1, 2))
    moved = np.full(poses.shape, np.nan)
    flat = procrustes(poses[there].reshape(-1, 3), target[there].reshape(-1, 3))
    moved[there] = flat.reshape(-1, *poses.shape[1:])
    return moved


def figures(
    poses: FloatArray,
    target: FloatArray,
    *,
    fps: float,
    hips: Sequence[int],
    bones: Sequence[tuple[int, int]],
) -> Figures | None:
    """Compare a motion with the truth.

    Args:
        poses: (T, J, 3) in any unit and place; NaN in frames without an answer.
        target: (T, J, 3) metres.
        fps: frames per second.
        hips: the two joints whose middle is the origin.
        bones: pairs of joints.

    Returns:
        None if no frame has an answer.
    """
    poses, target = centred(poses, hips), centred(target, hips)
    there = np.isfinite(poses).all(axis=(1, 2))
    if not there.any():
        return None
    errors = aligned_errors(poses, target)[there]
    found, true = poses[there], target[there]
    power = float((found**2).sum())
    scaled = poses * (float((found * true).sum()) / power if power > 0 else 0.0)
    times = np.arange(len(poses)) / fps
    smooth = butterworth(scaled, times, cutoff=min(_FILTER_HZ, 0.4 * fps), order=4)
    lengths = np.stack([np.linalg.norm(found[:, a] - found[:, b], axis=-1) for a, b in bones])
    means = lengths.mean(axis=1)
    return Figures(
        p_mpjpe=float(errors.mean()),
        seq_pa=float(joint_errors(clip_aligned(poses, target)[there], true).mean()) * _MM,
        n_mpjpe=float(joint_errors(scaled[there], true).mean()) * _MM,
        mpjpe=float(joint_errors(found, true).mean()) * _MM,
        pck=float((errors < PCK_THRESHOLD).mean()) * 100,
        acceleration=_acceleration_error(scaled, target, fps),
        acceleration_filtered=_acceleration_error(smooth, target, fps),
        jitter=float(np.nanmean(joint_errors(scaled, smooth))) * _MM,
        bone_spread=float((lengths.std(axis=1) / np.where(means > 0, means, np.inf)).mean()),
        answered=100 * float(there.mean()),
        frames=int(there.sum()),
        joints=tuple(errors.mean(axis=0).tolist()),
    )


def _acceleration_error(poses: FloatArray, target: FloatArray, fps: float) -> float:
    """Mean distance of the second differences, m/s^2; NaN if no three frames follow each other."""
    if len(poses) < _LEAST_FRAMES:
        return float("nan")
    errors = joint_errors(np.diff(poses, 2, axis=0), np.diff(target, 2, axis=0)) * fps**2
    known = errors[np.isfinite(errors)]
    return float(known.mean()) if known.size else float("nan")


def mean_figures(parts: Sequence[Figures], *, by_frames: bool) -> Figures:
    """The mean of several motions' figures, all alike or by their frames; NaN counts nowhere."""
    weights = np.array([part.frames if by_frames else 1 for part in parts], dtype=np.float64)

    def mean(values: Sequence[float]) -> float:
        array = np.array(values, dtype=np.float64)
        known = np.isfinite(array)
        if not known.any():
            return float("nan")
        return float((array[known] * weights[known]).sum() / weights[known].sum())

    single = [f.name for f in fields(Figures) if f.name not in ("frames", "joints")]
    joints = zip(*(part.joints for part in parts), strict=True)
    return Figures(
        **{name: mean([getattr(part, name) for part in parts]) for name in single},
        frames=sum(part.frames for part in parts),
        joints=tuple(mean(values) for values in joints),
    )


def document(part: Figures, names: Sequence[str]) -> dict[str, object]:
    """The figures, rounded, ready for JSON; what is not there is None."""
    row: dict[str, object] = {
        name: round(value, 4) if np.isfinite(value) else None
        for name, value in asdict(part).items()
        if name != "joints"
    }
    row["joints"] = {n: round(v, 1) for n, v in zip(names, part.joints, strict=True)}
    return row
