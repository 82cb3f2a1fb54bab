"""Normalised coordinates, mirroring, directions, similarity alignment and rotation along rays.

Pure numpy. Pixels are converted to network coordinates and back here; only here do missing
keypoints become zeros.

There are two normalisations. ``fit_window`` / ``normalise`` / ``denormalise`` are our own: robust
and invertible. ``crop_scale`` and ``crop_scale_3d`` are those published by MotionBERT (Zhu et al.
2023), kept for training on published data and for comparing results.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from mbcli.skeleton import H36M17, Skeleton
from mbcli.types import FloatArray

# Keypoints with a lower confidence are ignored when fitting a window: detectors give such scores
# to joints that are not visible at all.
MIN_CONFIDENCE = 0.1

# A keypoint is an outlier if its distance from the centre of its frame's body is more than this
# many times the 90th percentile of that distance in the window. The percentile is the distance of
# the ankles of a standing person; no human pose doubles it, and one outlier per frame cannot shift
# it.
_REACH_PERCENTILE = 90.0
_REACH_FACTOR = 2.0

# Keypoints further out than this in normalised units are the outliers of ``fit_window``: all others
# are within about 1.
INPUT_LIMIT = 2.0

_NO_LENGTH = 1e-9  # shorter vectors have no direction

_FEWEST_VALID = 4  # published crop_scale: fewer valid keypoints give an empty clip


def fit_window(
    xy: npt.ArrayLike, confidence: npt.ArrayLike, *, min_confidence: float = MIN_CONFIDENCE
) -> tuple[FloatArray, float]:
    """Fit a square to a window of keypoints, which ``normalise`` maps to -1..1.

    The square is centred on the bounding box of the confident keypoints and as wide as the box's
    longer side. Outliers that no body could reach are removed first: keypoints whose distance from
    the median of their frame's keypoints is more than twice the 90th percentile of that distance
    over the window. Without outliers the result is exactly the plain bounding box.

    Args:
        xy: (T, J, 2) pixels, or any other unit; missing = NaN.
        confidence: (T, J), 0..1; 0 = missing.
        min_confidence: keypoints below it are ignored, unless fewer than 4 reach it.

    Returns:
        centre (2,) float64 and half the longer side, both in the unit of ``xy``. For a window
        without extent, half the side is 1.0; without keypoints, the centre is also (0, 0).
    """
    points = np.asarray(xy, dtype=np.float64)
    score = np.asarray(confidence, dtype=np.float64)
    if points.ndim != 3 or points.shape[-1] != 2 or score.shape != points.shape[:2]:
        raise ValueError(
            f"fit_window takes (T, J, 2) and (T, J), got {points.shape} and {score.shape}"
        )
    finite = np.isfinite(points).all(axis=-1)
    used = finite & (score >= min_confidence) & (score > 0)
    if np.count_nonzero(used) < _FEWEST_VALID:
        used = finite & (score > 0)
    if not used.any():
        return np.zeros(2), 1.0

    distance = np.linalg.norm(points - _frame_medians(points, used)[:, None], axis=-1)[used]
    reach = np.percentile(distance, _REACH_PERCENTILE, method="lower")
    kept = points[used]
    if reach > 0:
        kept = kept[distance <= _REACH_FACTOR * reach]
    low, high = kept.min(axis=0), kept.max(axis=0)
    half = float((high - low).max()) / 2
    return (low + high) / 2, half if half > 0 else 1.0


def _frame_medians(points: FloatArray, used: npt.NDArray[np.bool_]) -> FloatArray:
    """(T, 2) median of the used points of each frame, NaN for a frame without any."""
    # np.nanmedian is about ten times slower on short rows, and warns about empty ones.
    ordered = np.sort(np.where(used[..., None], points, np.nan), axis=1)
    count = used.sum(axis=1)
    rows = np.arange(len(points))
    lower = ordered[rows, np.maximum(count - 1, 0) // 2]
    upper = ordered[rows, np.minimum(count // 2, points.shape[1] - 1)]
    return (lower + upper) / 2


def normalise(xy: npt.ArrayLike, center: npt.ArrayLike, scale: float) -> FloatArray:
    """Pixels (..., 2) to the window's coordinates: ``(xy - center) / scale``."""
    return (np.asarray(xy) - np.asarray(center)) / scale


def denormalise(xy: npt.ArrayLike, center: npt.ArrayLike, scale: float) -> FloatArray:
    """The window's coordinates (..., 2) back to pixels: ``xy * scale + center``."""
    return np.asarray(xy) * scale + np.asarray(center)


def network_input(
    keypoints: npt.ArrayLike, center: npt.ArrayLike, scale: float
) -> npt.NDArray[np.float32]:
    """Network input for a window; the only place where a missing keypoint becomes (0, 0, 0).

    A keypoint is missing if it is not finite, if its confidence is 0, or if it is beyond
    ``INPUT_LIMIT``: then it is an outlier of ``fit_window``, and the network has never seen such
    coordinates in training.

    Args:
        keypoints: (..., J, 3) pixels and confidence; missing = (NaN, NaN, 0).
        center: (2,) pixels, from ``fit_window``.
        scale: pixels, from ``fit_window``.

    Returns:
        (..., J, 3) float32: x, y in about -1..1 and confidence 0..1.
    """
    data = np.asarray(keypoints, dtype=np.float64)
    out = np.concatenate([normalise(data[..., :2], center, scale), data[..., 2:]], axis=-1)
    # A comparison with NaN is false, so this also excludes non-finite values.
    there = (np.abs(out[..., :2]) <= INPUT_LIMIT).all(axis=-1) & (out[..., 2] > 0)
    return np.where(there[..., None], out, 0.0).astype(np.float32)


def flip(motion: npt.ArrayLike, skeleton: Skeleton = H36M17) -> FloatArray:
    """The mirror image of a motion whose x axis has its origin in the middle.

    Args:
        motion: (..., J, C), x first; C = 2 or more (y, z and confidence are unchanged).
        skeleton: determines which joints change sides.

    Returns:
        (..., J, C), x negated, left and right joints swapped.
    """
    mirrored: FloatArray = np.asarray(motion)[..., list(skeleton.mirror), :].copy()
    mirrored[..., 0] *= -1
    return mirrored


def crop_scale(
    motion: npt.ArrayLike,
    scale_range: tuple[float, float] = (1.0, 1.0),
    rng: np.random.Generator | None = None,
) -> FloatArray:
    """The published normalisation of 2D keypoints, including its quirks.

    The bounding box of all keypoints with non-zero confidence, over the whole motion, is mapped to
    -1..1 by its longer side times a random ratio. Everything is clipped to -1..1, including missing
    keypoints at (0, 0), which therefore end up in or near a corner.

    Args:
        motion: (T, J, 3) x, y, confidence; missing = (0, 0, 0), no NaN.
        scale_range: smallest and largest ratio.
        rng: source of the ratio; needed only if the two differ.

    Returns:
        (T, J, 3) float64; zeros if fewer than 4 keypoints are valid or they have no extent.
    """
    data = np.asarray(motion, dtype=np.float64)
    valid = data[data[..., 2] != 0][:, :2]
    if len(valid) < _FEWEST_VALID:
        return np.zeros_like(data)
    low, high = valid.min(axis=0), valid.max(axis=0)
    side = (high - low).max() * _draw(scale_range, rng)
    if side == 0:
        return np.zeros_like(data)
    out = data.copy()
    out[..., :2] = ((data[..., :2] - (low + high - side) / 2) / side - 0.5) * 2
    return np.clip(out, -1, 1)


def crop_scale_3d(
    motion: npt.ArrayLike,
    scale_range: tuple[float, float] = (1.0, 1.0),
    rng: np.random.Generator | None = None,
) -> FloatArray:
    """The published normalisation of 3D targets, including its quirks.

    x and y are treated as in ``crop_scale``, but over all joints, without clipping and with the
    ratio as a divisor. z is divided by the same side; the first frame's root ends up at z = -1,
    not 0.

    Args:
        motion: (T, J, 3) x, y, z in one unit, root first.
        scale_range: smallest and largest ratio.
        rng: source of the ratio; needed only if the two differ.

    Returns:
        (T, J, 3) float64; zeros if the motion has no extent.
    """
    data = np.asarray(motion, dtype=np.float64)
    low, high = data[..., :2].min(axis=(0, 1)), data[..., :2].max(axis=(0, 1))
    side = (high - low).max() / _draw(scale_range, rng)
    if side == 0:
        return np.zeros_like(data)
    origin = np.append((low + high - side) / 2, data[0, 0, 2])
    return ((data - origin) / side - 0.5) * 2


def _draw(scale_range: tuple[float, float], rng: np.random.Generator | None) -> float:
    low, high = scale_range
    if low == high:
        return float(low)
    if rng is None:
        raise ValueError(f"a random scale within {scale_range} needs an rng")
    return float(rng.uniform(low, high))


def unit(vectors: npt.ArrayLike, nowhere: float = 0.0) -> FloatArray:
    """Vectors (..., D) scaled to length 1, float64; NaN stays NaN.

    Args:
        vectors: of any length.
        nowhere: value of the components that replace a vector of length 0.
    """
    v = np.asarray(vectors, dtype=np.float64)
    length = np.linalg.norm(v, axis=-1, keepdims=True)
    return np.divide(v, length, out=np.full_like(v, nowhere), where=~(length <= _NO_LENGTH))


def nearest_rotation(matrices: npt.ArrayLike) -> FloatArray:
    """The rotations (..., D, D) nearest to matrices, never a reflection.

    For the sum of ``found[i] @ rest[i].T`` over vectors, it is the least-squares rotation from one
    set to the other (Kabsch, "A solution for the best rotation to relate two sets of vectors", Acta
    Crystallographica A32, 1976).
    """
    u, _, vt = np.linalg.svd(np.asarray(matrices, dtype=np.float64))
    u[..., -1] *= np.where(np.linalg.det(u @ vt) < 0, -1.0, 1.0)[..., None]
    return u @ vt


def from_ray(poses: npt.ArrayLike, rays: npt.ArrayLike) -> FloatArray:
    """Rotate root-relative poses from the axes of a camera facing the pelvis to the real camera's.

    The camera facing the pelvis is the real one, rotated about its centre by the smallest angle
    that aligns its axis with the ray; this function undoes that rotation (Rodrigues' formula about
    an axis in the picture plane).

    Args:
        poses: (..., J, 3) in the rotated axes.
        rays: (..., 2) x / z and y / z of the pelvis in the camera's frame.

    Returns:
        (..., J, 3) float64 in the camera's axes.
    """
    rays = np.asarray(rays, dtype=np.float64)
    ahead = np.concatenate([rays, np.ones_like(rays[..., :1])], axis=-1)
    x, y, z = np.moveaxis(unit(ahead), -1, 0)
    share = 1 / (1 + z)
    turn = np.stack(
        [1 - x * x * share, -x * y * share, x, -x * y * share, 1 - y * y * share, y, -x, -y, z],
        axis=-1,
    ).reshape(*x.shape, 3, 3)
    return np.einsum("...ij,...kj->...ki", turn, np.asarray(poses))


def similarity(
    source: npt.ArrayLike, target: npt.ArrayLike
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """The similarity that brings point sets closest to others in the least-squares sense.

    Umeyama, "Least-squares estimation of transformation parameters between two point patterns",
    PAMI 1991: rotations only, never a reflection.

    Args:
        source: (..., N, D) points.
        target: (..., N, D) the points they correspond to.

    Returns:
        scale (...,), rotation (..., D, D), translation (..., D), such that
        ``scale * source @ rotation.T + translation`` is close to ``target``. Sources that coincide
        in one point get the scale 0.
    """
    a, b = np.asarray(source, dtype=np.float64), np.asarray(target, dtype=np.float64)
    mean_a, mean_b = a.mean(axis=-2, keepdims=True), b.mean(axis=-2, keepdims=True)
    a, b = a - mean_a, b - mean_b
    related = np.swapaxes(b, -1, -2) @ a  # (..., D, D)
    rotation = nearest_rotation(related)
    spread = (a**2).sum(axis=(-1, -2))
    gain = (rotation * related).sum(axis=(-1, -2))
    scale = np.divide(gain, spread, out=np.zeros_like(spread), where=spread > 0)
    moved = (rotation @ np.swapaxes(mean_a, -1, -2))[..., 0]
    return scale, rotation, mean_b[..., 0, :] - scale[..., None] * moved


def procrustes(pred: npt.ArrayLike, target: npt.ArrayLike) -> FloatArray:
    """Align each predicted pose with its target by the best scale, rotation and translation.

    Args:
        pred: (..., J, 3) predicted poses.
        target: (..., J, 3) target poses.

    Returns:
        (..., J, 3) float64 aligned predictions.
    """
    scale, rotation, translation = similarity(pred, target)
    moved: npt.NDArray[Any] = np.asarray(pred, dtype=np.float64) @ np.swapaxes(rotation, -1, -2)
    return scale[..., None, None] * moved + translation[..., None, :]
