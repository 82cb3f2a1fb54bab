"""Image units to metres: the size of the body and its position in front of the camera."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from mbcli.camera import Camera
from mbcli.errors import ConfigError
from mbcli.geometry import from_ray
from mbcli.kinematics.bones import distances
from mbcli.placing.smoothing import smooth_on_the_clock
from mbcli.skeleton import Skeleton
from mbcli.timeline import Stretch, clock_of
from mbcli.types import BoolArray, FloatArray, Keypoints2D

DEFAULT_HEIGHT = 1.70  # metres, about the mean of adults in Europe and North America

# Lengths as fractions of the standing height: Drillis and Contini 1966, as in Winter,
# "Biomechanics and Motor Control of Human Movement", figure 4.1 (trunk: hip 0.530 to shoulder
# 0.818). Hip and shoulder breadth and the head are left out: models disagree on their positions.
# On the skeletons of 41 subjects of the CMU and HDM05 recordings the rule gives the standing
# height within 3.5 % in nine cases out of ten, without bias.
_BONES: tuple[tuple[str, str, float], ...] = (
    ("right_hip", "right_knee", 0.245),
    ("left_hip", "left_knee", 0.245),
    ("right_knee", "right_ankle", 0.246),
    ("left_knee", "left_ankle", 0.246),
    ("pelvis", "thorax", 0.288),
    ("right_shoulder", "right_elbow", 0.186),
    ("left_shoulder", "left_elbow", 0.186),
    ("right_elbow", "right_wrist", 0.146),
    ("left_elbow", "left_wrist", 0.146),
)

# Joints that 2D stages measure; the others are means of these, or lie on the face.
_FITTED = [
    f"{side}_{joint}"
    for side in ("left", "right")
    for joint in ("hip", "knee", "ankle", "shoulder", "elbow", "wrist")
]

_SIZE_SIGMA = 0.5  # seconds; the apparent size of a person changes slowly
_DEPTH_SIGMA = 1.0  # seconds; the part of the depth that the size misses changes slowly
_MIN_CONFIDENCE = 0.1  # detectors give less to joints they could not see at all
_FEWEST_JOINTS = 4  # two suffice for three unknowns; two more contradict an outlier
# Of reweighting. With a wrist 70 pixels off throughout, the depth of somebody 5 m away is off by
# 0.12 m after 2 rounds, 0.043 after 4, 0.038 after 6 and more.
_ROUNDS = 4
_HUBER = 2.0  # robust standard deviations; 1 in 20 normal errors is down-weighted
_SECTION = 4096  # frames at once, so that a long track takes little memory while it is placed
_NEAREST = 0.05  # metres; a joint nearer to the camera than this is not a valid solution


def check_height(height: float) -> float:
    """Return the height if it is valid.

    Raises:
        ConfigError: the height is not a positive number.
    """
    if not (math.isfinite(height) and height > 0):
        raise ConfigError(f"--height must be a positive number of metres, got {height:g}")
    return float(height)


def to_metres(
    normalized: FloatArray,
    keypoints: Keypoints2D,
    *,
    height: float,
    camera: Camera,
    along_ray: bool = False,
) -> tuple[FloatArray, FloatArray]:
    """Scale every person to their height and place them in front of the camera.

    Size: in each frame the total length of limbs and trunk, divided by the sum of their fractions
    of a standing body, gives the height in image units. It is smoothed over time (robust local
    lines, 0.5 s), because a person's apparent size changes with the distance. One factor per
    person then corrects the rest, such that the median lengths over the clip fit ``height``.

    Position: the translation whose perspective projection is nearest to the 2D keypoints of the
    limbs, weighted by confidence; linear least squares, reweighted against outliers (Huber). Over
    seconds, its depth is the better measure of distance: its ratio to the depth derived from the
    size of the lifted body is smoothed (robust local lines, 1 s). From frame to frame the size is
    the better measure, since the lifter uses neighbouring frames and a perspective fit does not.
    Then x and y are fitted again. A frame with fewer than 4 usable joints takes the ratio from its
    neighbours; if a person has no other frames, the size alone determines the depth.

    Args:
        normalized: (T, P, J, 3) image units from ``lift.lifter``, NaN where absent.
        keypoints: the keypoints that were lifted, in pixels; ``normalized`` has their skeleton.
        height: standing height of every person in metres.
        camera: the camera, of which only the intrinsics are used.
        along_ray: whether ``normalized`` is in the axes of a camera that looks at the pelvis of
            each frame instead of the video's; it is then rotated back by the pelvis's ray.

    Returns:
        positions (T, P, J, 3) float32 metres with the pelvis at 0 in camera axes, and root
        (T, P, 3) float32, the pelvis in the camera's frame; both NaN where ``normalized`` is.

    Raises:
        ConfigError: the height is not a positive number.
    """
    normalized = np.asarray(normalized, dtype=np.float64)
    positions = np.full(normalized.shape, np.nan, dtype=np.float32)
    root = np.full((*normalized.shape[:2], 3), np.nan, dtype=np.float32)
    scene = Scale(height, camera, keypoints.size, keypoints.skeleton, along_ray)
    clock = clock_of(keypoints)
    for who in range(normalized.shape[1]):
        positions[:, who], root[:, who] = scene.of(
            normalized[:, who], keypoints.data[:, who], clock
        )
    return positions, root


@dataclass(frozen=True, eq=False)
class Scale:
    """What people of a clip are scaled and placed by.

    Attributes:
        height: standing height of every person in metres.
        camera: the camera, of which only the intrinsics are used.
        size: (width, height) of the pictures in pixels.
        skeleton: of poses and keypoints.
        along_ray: see `to_metres`.

    Raises:
        ConfigError: the height is not a positive number.
    """

    height: float
    camera: Camera
    size: tuple[int, int]
    skeleton: Skeleton
    along_ray: bool

    def __post_init__(self) -> None:
        check_height(self.height)

    def of(
        self, poses: FloatArray, keypoints: FloatArray, clock: Sequence[Stretch]
    ) -> tuple[FloatArray, FloatArray]:
        """Scale and place one person, as `to_metres` describes.

        Args:
            poses: (t, J, 3) image units, NaN where absent.
            keypoints: (t, J, 3) x, y in pixels and confidence.
            clock: of these frames.

        Returns:
            (t, J, 3) and (t, 3), float32 metres.
        """
        skeleton = self.skeleton
        fitted = [skeleton.index(joint) for joint in _FITTED]
        positions = np.full(poses.shape, np.nan, np.float32)
        root = np.full((len(poses), 3), np.nan, np.float32)
        seen = np.asarray(np.isfinite(poses).all(axis=(-1, -2)))
        if not seen.any():
            return positions, root

        def track(part: slice) -> FloatArray:
            return np.where(seen[part, None, None], poses[part], np.nan).astype(np.float64)

        parts = [slice(start, start + _SECTION) for start in range(0, len(poses), _SECTION)]
        bones = [(a, b) for a, b, _ in _BONES]
        lengths = np.concatenate([distances(track(part), skeleton, bones) for part in parts])
        scale = _metres_per_unit(lengths, self.height, clock)
        from_size = self.camera.focal.mean() * scale / (min(self.size) / 2)
        depth, weights = np.full(len(poses), np.nan), np.zeros((len(poses), len(fitted)))
        for part in parts:
            body, _ = self._body(track(part), scale[part])
            rays, sure = _rays(keypoints[part, fitted], self.camera)
            depth[part], weights[part] = _depth(body[:, fitted], rays, sure, seen[part])
        depth = _steady(depth, from_size, clock)
        for part in parts:
            body, ahead = self._body(track(part), scale[part])
            rays, _ = _rays(keypoints[part, fitted], self.camera)
            positions[part] = body
            root[part] = _place(body[:, fitted], rays, weights[part], depth[part], ahead)
        return positions, root

    def _body(self, track: FloatArray, scale: FloatArray) -> tuple[FloatArray, FloatArray]:
        """(t, J, 3) metres from the pelvis in the camera's axes, and (t, 2) the pelvis's ray."""
        pelvis = self.skeleton.index("pelvis")
        body = (track - track[:, [pelvis]]) * scale[:, None, None]
        ahead = self.camera.unproject(_pixels(track[:, pelvis, :2], self.size))
        return (from_ray(body, ahead) if self.along_ray else body), ahead


def _metres_per_unit(lengths: FloatArray, height: float, clock: Sequence[Stretch]) -> FloatArray:
    """(T,) metres per image unit, from bone lengths (T, B); NaN where those are."""
    fractions = sum(fraction for _, _, fraction in _BONES)
    summed = lengths.sum(axis=-1)
    # The inverse size is proportional to the distance: somebody who walks straight towards the
    # camera produces a straight line, which the smoother preserves.
    inverse = np.where(summed > 0, fractions / np.where(summed > 0, summed, 1.0), np.nan)
    seen = np.isfinite(summed)
    if np.isnan(inverse).all():
        # A pose without extent has no size to scale; it remains a point.
        return np.where(seen, height, np.nan)
    inverse = np.where(seen, _filled(_smooth_positive(inverse, _SIZE_SIGMA, clock)), np.nan)
    medians = np.median(lengths[seen] * inverse[seen, None], axis=0)
    return height * inverse * (fractions / medians.sum())


def _pixels(normalized: FloatArray, size: tuple[int, int]) -> FloatArray:
    """Convert image units (..., 2) to pixels."""
    return normalized * (min(size) / 2) + np.array(size) / 2


def _rays(keypoints: FloatArray, camera: Camera) -> tuple[FloatArray, FloatArray]:
    """(T, 12, 2) x/z, y/z of keypoints (T, 12, 3), and their weights (T, 12)."""
    data = keypoints.astype(np.float64)
    rays = camera.unproject(data[..., :2])
    confidence = np.where(np.isfinite(rays).all(axis=-1), data[..., 2], 0.0)
    return np.where(confidence[..., None] > 0, rays, 0.0), confidence


def _depth(
    joints: FloatArray, rays: FloatArray, weights: FloatArray, seen: BoolArray
) -> tuple[FloatArray, FloatArray]:
    """(T,) depth of the pelvis, NaN if not measured; (T, 12) weights, less for outliers."""
    usable = np.where(weights >= _MIN_CONFIDENCE, weights, 0.0)
    enough = seen & (np.count_nonzero(usable, axis=-1) >= _FEWEST_JOINTS)
    shift, kept = _translations(joints[enough], rays[enough], usable[enough])
    depth = np.full(len(joints), np.nan)
    depth[enough] = np.where(
        (joints[enough, :, 2] + shift[:, 2:]).min(axis=-1) > _NEAREST, shift[:, 2], np.nan
    )
    weights = weights.copy()
    weights[enough] = kept
    return depth, weights


def _steady(depth: FloatArray, from_size: FloatArray, clock: Sequence[Stretch]) -> FloatArray:
    """(T,) smooth depth of the pelvis, from the measured one and that by the body's size."""
    if np.isnan(depth).all():
        return from_size
    return from_size * _filled(_smooth_positive(depth / from_size, _DEPTH_SIGMA, clock))


def _translations(
    joints: FloatArray, rays: FloatArray, weights: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """(N, 3) translations that move joints (N, J, 3) onto rays (N, J, 2), (N, J) final weights.

    (p + t)_xy / (p + t)_z = u is linear in t: t_xy - u t_z = u p_z - p_xy. Divided by the depth
    of the joint, the residual is that in the picture; the depth comes from the previous round.
    """
    count, joint_count = weights.shape
    system = np.zeros((count, joint_count, 2, 3))
    system[..., 0, 0] = system[..., 1, 1] = 1
    system[..., 2] = -rays
    right = rays * joints[..., 2:] - joints[..., :2]  # (N, J, 2)
    result = np.full((count, 3), np.nan)
    row_weights = weights**2
    robust = np.ones_like(weights)
    for _ in range(_ROUNDS):
        result = _solve(system, right, row_weights * robust)
        depth = joints[..., 2] + result[:, None, 2]
        depth = np.where(depth > _NEAREST, depth, np.inf)  # behind the camera: no weight
        residual = np.linalg.norm((system @ result[:, None, :, None])[..., 0] - right, axis=-1)
        residual /= depth
        limit = _HUBER * 1.4826 * _weighted_median(residual, weights)[:, None]
        limit = np.maximum(limit, 1e-6)
        row_weights = (weights / depth) ** 2
        robust = np.where(np.isnan(residual), 1.0, limit / np.maximum(residual, limit))
    return result, weights**2 * robust


def _solve(system: FloatArray, right: FloatArray, weights: FloatArray) -> FloatArray:
    """(N, 3) weighted least squares, NaN where the joints do not determine the depth."""
    total = weights.sum(axis=-1)
    share = weights / np.where(total > 0, total, 1.0)[:, None]
    normal = np.einsum("njka,nj,njkb->nab", system, share, system)
    moment = np.einsum("njka,nj,njk->na", system, share, right)
    # With x and y eliminated, the variance of the rays remains; without it, any depth fits.
    determined = np.linalg.det(normal) > 1e-10
    result = np.full(moment.shape, np.nan)
    result[determined] = np.linalg.solve(normal[determined], moment[determined][..., None])[..., 0]
    return result


def _weighted_median(values: FloatArray, weights: FloatArray) -> FloatArray:
    """(N,) median along the second axis; values of weight 0 do not count."""
    order = np.argsort(values, axis=-1)
    summed = np.cumsum(np.take_along_axis(weights, order, axis=-1), axis=-1)
    middle = np.argmax(summed >= summed[:, -1:] / 2, axis=-1)
    rows = np.arange(len(values))
    return values[rows, order[rows, middle]]


def _place(
    joints: FloatArray,
    rays: FloatArray,
    weights: FloatArray,
    depth: FloatArray,
    ahead: FloatArray,
) -> FloatArray:
    """(T, 3) pelvis in the camera's frame: x and y for a known depth."""
    wanted = rays * (joints[..., 2:] + depth[:, None, None]) - joints[..., :2]
    total = weights.sum(axis=-1)
    xy = (wanted * weights[..., None]).sum(axis=1)
    xy = np.divide(xy, total[:, None], out=np.full_like(xy, np.nan), where=total[:, None] > 0)
    # Without a single joint in the picture, only the network's own position remains.
    guess = ahead * depth[:, None]
    return np.concatenate([np.where(np.isnan(xy), guess, xy), depth[:, None]], axis=-1)


def _smooth_positive(values: FloatArray, sigma: float, clock: Sequence[Stretch]) -> FloatArray:
    """Smooth positive numbers, within the range of the measured ones."""
    smooth = smooth_on_the_clock(values, sigma, clock)
    return np.clip(smooth, np.nanmin(values), np.nanmax(values))


def _filled(values: FloatArray) -> FloatArray:
    """NaN replaced by linear interpolation, the ends held; at least one value must be known."""
    known = np.isfinite(values)
    times = np.arange(len(values))
    return np.interp(times, times[known], values[known])
