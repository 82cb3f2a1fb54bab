"""Which keypoints a camera cannot see: behind the same body, furniture, or somebody who walks by.

A body is a set of capsules: a line between two points, and a radius. A keypoint is hidden where the
line of sight to it passes through a capsule whose own line runs well in front of it.
"""

from __future__ import annotations

import torch
from torch import Tensor

from mbcli.skeleton import BODY21, COCO17
from mbcli.train.bodies import stature
from mbcli.train.draw import Draw
from mbcli.train.noise_model import NoiseModel

# Radii over stature: half the thickness in the middle of the part, mean of 64 bodies of Anny as
# `research.surface` draws them. The trunk is 0.094 wide to both sides and 0.062 deep in the mean
# of four heights: two capsules side by side.
_UPPER_ARM, _FOREARM, _THIGH, _SHANK, _TRUNK, _HEAD = 0.025, 0.016, 0.047, 0.028, 0.062, 0.054
_ASIDE = 0.094 - _TRUNK
_SHOULDERS, _HIPS = 0.200, 0.110  # apart, of the same bodies
# The share of its radius by which a line must run before what it hides, so that what lies beside
# it or touches it is seen. A guess: 0.5 loses the far ear of a head turned by 45 degrees.
_BEFORE = 0.5
_WALK = 0.8  # statures a second: 1.4 m/s, a usual speed of walking (Bohannon 1997)
_WIDE = 0.259  # the passer-by's shoulders over stature: Drillis and Contini (1966), as in Winter
_NEARER = (1.0, 2.0)  # so many times as large is a passer-by, who is nearer; a guess
_UP_TO = (0.35, 0.95)  # of the body's extent, where an edge may lie

_Point = dict[str, float]  # weights of joints


def _capsules(side: str) -> list[tuple[_Point, _Point, float, tuple[str, ...]]]:
    """Both ends, radius, and keypoints that are never hidden by it, of one side."""
    hip, knee, ankle = f"{side}_hip", f"{side}_knee", f"{side}_ankle"
    shoulder, elbow, wrist = f"{side}_shoulder", f"{side}_elbow", f"{side}_wrist"
    low, high = 2 * _ASIDE / _HIPS, 2 * _ASIDE / _SHOULDERS
    # The upper end lies below the shoulders, since a capsule reaches beyond its ends.
    rise = 0.85
    top = {"thorax": rise * (1 - high), shoulder: rise * high}
    bottom = {"pelvis": 1 - low, hip: low}
    return [
        ({shoulder: 1}, {elbow: 1}, _UPPER_ARM, (shoulder, elbow)),
        ({elbow: 1}, {wrist: 1}, _FOREARM, (elbow, wrist)),
        ({hip: 1}, {knee: 1}, _THIGH, (hip, knee)),
        ({knee: 1}, {ankle: 1}, _SHANK, (knee, ankle)),
        (
            top | {joint: (1 - rise) * share for joint, share in bottom.items()},
            bottom,
            _TRUNK,
            (shoulder, "left_hip", "right_hip"),
        ),
    ]


_EARS = {"left_ear": 0.5, "right_ear": 0.5}
_BODY = [
    *_capsules("left"),
    *_capsules("right"),
    (_EARS, {"left_ear": 0.25, "right_ear": 0.25, "head": 0.5}, _HEAD, ()),
]


def _weights(points: list[_Point]) -> Tensor:
    """(N, 21) of the joints."""
    table = torch.zeros(len(points), len(BODY21))
    for row, point in enumerate(points):
        for joint, share in point.items():
            table[row, BODY21.index(joint)] = share
    return table


_STARTS = _weights([start for start, *_ in _BODY])
_ENDS = _weights([end for _, end, *_ in _BODY])
_RADII = torch.tensor([radius for *_, radius, _ in _BODY])
_OTHERS = torch.tensor([[name not in own for *_, own in _BODY] for name in COCO17.joints])


def covered(points: Tensor, joints: Tensor) -> Tensor:
    """Which points each part of a body hides from a camera at the origin.

    Args:
        points: (B, T, N, 3) metres.
        joints: (B, T, 21, 3) metres, ``BODY21``; the body that hides them.

    Returns:
        (B, T, N, 11) upper arm, forearm, thigh, shank and half of the trunk of the left side,
        then of the right one; head.
    """
    start = _STARTS.to(joints) @ joints  # (B, T, P, 3)
    along = _ENDS.to(joints) @ joints - start
    distance = points.norm(dim=-1, keepdim=True)  # (B, T, N, 1)
    sight = points / distance
    # The point of each line that is nearest to the line of sight, found from the parts of both
    # that are at right angles to it.
    depth, deeper = sight @ start.mT, sight @ along.mT  # (B, T, N, P)
    length = along.square().sum(dim=-1)[..., None, :]  # (B, T, 1, P)
    lean = (start * along).sum(dim=-1)[..., None, :]
    aside = (length - deeper.square()).clamp_min(1e-6)
    share = ((depth * deeper - lean) / aside).clamp(0, 1)  # (B, T, N, P)
    depth = depth + share * deeper
    squared = start.square().sum(dim=-1)[..., None, :] + share * (2 * lean + share * length)
    radius = _RADII.to(joints) * stature(joints)[:, None, None, None]  # (B, 1, 1, P)
    before = (depth > 0) & (depth < distance - _BEFORE * radius)
    return before & (squared - depth.square() < radius.square())


def behind_itself(keypoints: Tensor, joints: Tensor) -> Tensor:
    """(B, T, 17) keypoints hidden by parts of the same body which they do not adjoin.

    Args:
        keypoints: (B, T, 17, 3) COCO-17 in metres, in a camera's axes with z away.
        joints: (B, T, 21, 3) ``BODY21`` likewise.
    """
    return (covered(keypoints, joints) & _OTHERS.to(joints.device)).any(dim=-1)


def beyond_an_edge(xy: Tensor, share: float, draw: Draw) -> Tensor:
    """(B, T, J) what lies beyond an edge that crosses the body, in a share of the clips.

    Args:
        xy: (B, T, J, 2) keypoints in a picture whose y points down.
        share: of the clips.
        draw: random numbers on the same device.
    """
    batch = len(xy)
    # Mostly what is below, sometimes a side: rows are outward directions.
    edges = xy.new_tensor([[0.0, 1.0], [0.0, 1.0], [1.0, 0.0], [-1.0, 0.0]])
    which = (draw.uniform(batch) * len(edges)).long().clamp_max(len(edges) - 1)
    outward = torch.einsum("btjc,bc->btj", xy, edges[which])  # (B, T, J)
    low, high = outward.amin(dim=(1, 2)), outward.amax(dim=(1, 2))  # (B,)
    edge = low + (high - low) * draw.uniform(batch, low=_UP_TO[0], high=_UP_TO[1])
    crossed = draw.chance(batch, probability=share)
    return (outward > edge[:, None, None]) & crossed[:, None, None]


def behind_who_passes(xy: Tensor, height: Tensor, fps: Tensor, share: float, draw: Draw) -> Tensor:
    """(B, T, J) what is behind an upright band that moves through the picture at walking speed.

    Args:
        xy: (B, T, J, 2) keypoints in a picture.
        height: (B, T) standing height in its unit.
        fps: (B,) frames per second.
        share: of the clips in which somebody passes.
        draw: random numbers on the same device.
    """
    batch, frames = xy.shape[:2]
    size = height.mean(dim=1) * draw.uniform(batch, low=_NEARER[0], high=_NEARER[1])  # (B,)
    right = torch.where(draw.chance(batch, probability=0.5), 1.0, -1.0)
    speed = _WALK * right * size / fps  # (B,) a frame
    # Before the middle of the body in some frame of the clip.
    when = (draw.uniform(batch) * frames).long().clamp_max(frames - 1)[:, None]  # (B, 1)
    since = torch.arange(frames, device=xy.device) - when  # (B, T)
    middle = xy[..., 0].mean(dim=2).gather(1, when) + speed[:, None] * since  # (B, T)
    passed = draw.chance(batch, probability=share)
    near = (xy[..., 0] - middle[..., None]).abs() < _WIDE / 2 * size[:, None, None]
    return near & passed[:, None, None]


def out_of_sight(
    keypoints: Tensor, joints: Tensor, fps: Tensor, model: NoiseModel, draw: Draw
) -> Tensor:
    """(B, T, 17) keypoints behind the body itself, furniture, or somebody who passes.

    Args:
        keypoints: (B, T, 17, 3) COCO-17 in metres, in a camera's axes with y down and z away.
        joints: (B, T, 21, 3) ``BODY21`` likewise.
        fps: (B,) frames per second.
        model: how often there is furniture, and how often somebody passes.
        draw: random numbers on the same device.
    """
    xy = keypoints[..., :2] / keypoints[..., 2:]  # (B, T, 17, 2)
    height = stature(joints)[:, None] / joints[:, :, BODY21.root, 2]  # (B, T)
    return (
        behind_itself(keypoints, joints)
        | beyond_an_edge(xy, model.furniture, draw)
        | behind_who_passes(xy, height, fps, model.passed, draw)
    )
