"""Many bodies from one recording: mirrored, with other bone lengths and statures."""

from __future__ import annotations

import torch
from torch import Tensor

from mbcli.skeleton import BODY27, FOOT
from mbcli.train.config import ClipConfig
from mbcli.train.draw import Draw

# Bones that share a length ratio, besides those of both sides.
_TORSO, _SKULL = ("spine", "thorax"), ("head", "eye", "ear")
_LARGEST_DEVIATION = 2.5  # of the bone ratios, in standard deviations

# Shin + thigh + pelvis-to-shoulders + shoulders-to-crown over stature: the segment heights 0.039,
# 0.285, 0.530, 0.818 and 1 of Drillis and Contini (1966), as in Winter, Biomechanics, figure 4.1.
_CHAIN_OVER_STATURE = 0.961
_CHAIN = (("left_hip", "left_knee"), ("left_knee", "left_ankle"), ("pelvis", "thorax"))


def _bone_groups() -> tuple[tuple[str, ...], tuple[int, ...]]:
    """Names of the groups, and for each joint the index of its bone's group."""
    names: list[str] = []
    for joint in BODY27.joints:
        part = joint.removeprefix("left_").removeprefix("right_")
        group = "torso" if part in _TORSO else "skull" if part in _SKULL else part
        group = "foot" if part in FOOT else group
        names.append(group)
    order = sorted(set(names))
    return tuple(order), tuple(order.index(name) for name in names)


_NAMES, _GROUPS = _bone_groups()


def vary(joints: Tensor, config: ClipConfig, draw: Draw) -> Tensor:
    """Give each clip its own body, keeping the directions of all bones.

    Args:
        joints: (B, T, 21, 3), or with feet (B, T, 27, 3), metres, y up.
        config: mirror probability, bone spread and statures.
        draw: random numbers on the same device.

    Returns:
        As ``joints``, metres.
    """
    batch, count = len(joints), joints.shape[2]
    mirrored = joints[:, :, list(BODY27.mirror[:count])] * joints.new_tensor([-1.0, 1.0, 1.0])
    swap = draw.chance(batch, 1, 1, 1, probability=config.mirror)  # (B, 1, 1, 1)
    joints = torch.where(swap, mirrored, joints)  # (B, T, J, 3)

    deviation = draw.normal(batch, len(_NAMES))  # (B, G)
    deviation = deviation.clamp(-_LARGEST_DEVIATION, _LARGEST_DEVIATION)  # (B, G)
    usual = (1.0, config.bone_sd)
    ratios = joints.new_tensor([config.bones.get(name, usual) for name in _NAMES])  # (G, 2)
    ratio = (ratios[:, 0] + ratios[:, 1] * deviation)[:, list(_GROUPS)]  # (B, J)
    varied = [joints[:, :, 0]]
    for child, parent in enumerate(BODY27.parents[:count]):
        if parent >= 0:
            bone = (joints[:, :, child] - joints[:, :, parent]) * ratio[:, child, None, None]
            varied.append(varied[parent] + bone)
    body = torch.stack(varied, dim=2)  # (B, T, J, 3)

    low, high = config.height
    wanted = draw.uniform(batch, low=low, high=high)  # (B,)
    return body * (wanted / stature(body))[:, None, None, None]  # (B, T, J, 3)


def stature(joints: Tensor) -> Tensor:
    """Standing height of each clip's body, derived from its bones.

    Args:
        joints: (B, T, 21, 3) metres.

    Returns:
        (B,) metres.
    """
    at = BODY27.index
    lengths: list[Tensor] = [
        torch.linalg.vector_norm(joints[:, :, at(a)] - joints[:, :, at(b)], dim=-1)
        for a, b in (*_CHAIN, ("thorax", "head"))
    ]
    # A bent neck shortens the last part, whose maximum is the straight neck.
    chain = torch.stack([length.mean(dim=1) for length in lengths[:-1]]).sum(dim=0)  # (B,)
    chain = chain + lengths[-1].amax(dim=1)  # (B,)
    return chain / _CHAIN_OVER_STATURE  # (B,)
