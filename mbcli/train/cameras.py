"""Virtual pinhole cameras around a moving body: perspective, height, pitch, roll, distance.

The focal length need not be drawn: the keypoints are normalised by their own window, which removes
any magnification. What remains of a camera is its position, how far off its axis the body is, and
its roll.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn.functional import normalize

from mbcli.train.config import CameraConfig
from mbcli.train.draw import Draw

_NEAREST = 0.6  # metres from the camera; a body that comes closer moves the camera back


def view(joints: Tensor, config: CameraConfig, draw: Draw) -> Tensor:
    """View each clip through its own static camera.

    Args:
        joints: (B, T, J, 3) metres, y up; joint 0 is the pelvis.
        config: distances, heights and angles.
        draw: random numbers on the same device.

    Returns:
        (B, T, J, 3) metres in the camera's frame: x right, y down, z away, all z above 0.6.
    """
    batch, device = len(joints), joints.device
    if config.tilted > 0:
        joints = _tipped(joints, config, draw)
    middle = joints[:, :, 0].mean(dim=1)  # (B, 3)
    floor = joints[..., 1].amin(dim=(1, 2))  # (B,)

    azimuth = draw.uniform(batch, high=2 * math.pi)  # (B,)
    distance = draw.log_uniform(batch, limits=config.distance)  # (B,)
    low, high = config.height
    height = floor + draw.uniform(batch, low=low, high=high)  # (B,)
    eye = torch.stack(
        [
            middle[:, 0] + distance * azimuth.sin(),
            height,
            middle[:, 2] + distance * azimuth.cos(),
        ],
        dim=-1,
    )  # (B, 3)

    forward = normalize(middle - eye, dim=-1)  # (B, 3)
    up = torch.tensor([0.0, 1.0, 0.0], device=device).expand_as(forward)  # (B, 3)
    right = normalize(torch.linalg.cross(forward, up), dim=-1)  # (B, 3)
    down = torch.linalg.cross(forward, right)  # (B, 3)
    level = torch.stack([right, down, forward], dim=1)  # (B, 3, 3), rows are the camera's axes
    angles = draw.normal(batch, 3) * torch.tensor(
        [config.off_axis_sd, config.off_axis_sd, config.roll_sd], device=device
    )  # (B, 3) degrees about x, y, z
    world_to_camera = _rotation(torch.deg2rad(angles)) @ level  # (B, 3, 3)
    seen = torch.einsum("bij,btkj->btki", world_to_camera, joints - eye[:, None, None])
    back = (_NEAREST - seen[..., 2].amin(dim=(1, 2))).clamp_min(0)  # (B,)
    shift = torch.stack([torch.zeros_like(back), torch.zeros_like(back), back], dim=-1)  # (B, 3)
    return seen + shift[:, None, None]  # (B, T, J, 3)


def to_rays(pose: Tensor, pelvis: Tensor) -> Tensor:
    """Rotate root-relative poses into the axes of cameras that look at the pelvis.

    The camera rotates about its centre by the smallest angle that brings its axis onto the ray of
    the pelvis; `mbcli.geometry.from_ray` is the inverse.

    Args:
        pose: (B, T, J, 3) in the camera's axes, the pelvis at 0.
        pelvis: (B, T, 3) in the camera's frame.
    """
    x, y, z = normalize(pelvis, dim=-1).unbind(-1)  # (B, T) each
    share = 1 / (1 + z)
    turn = torch.stack(
        [1 - x * x * share, -x * y * share, -x, -x * y * share, 1 - y * y * share, -y, x, y, z],
        dim=-1,
    ).view(*x.shape, 3, 3)  # (B, T, 3, 3), maps (x, y, z) to (0, 0, 1)
    return torch.einsum("btij,btkj->btki", turn, pose)  # (B, T, J, 3)


def _tipped(joints: Tensor, config: CameraConfig, draw: Draw) -> Tensor:
    """Tilt the bodies of some clips about their pelvis."""
    batch = len(joints)
    chosen = draw.chance(batch, 1, probability=config.tilted)  # (B, 1)
    angles = torch.deg2rad(config.tilted_sd * draw.normal(batch, 3) * chosen)  # (B, 3)
    middle = joints[:, :, 0].mean(dim=1)[:, None, None]  # (B, 1, 1, 3)
    turned = torch.einsum("bij,btkj->btki", _rotation(angles), joints - middle)
    return turned + middle  # (B, T, J, 3)


def _rotation(angles: Tensor) -> Tensor:
    """Map (B, 3) radians to (B, 3, 3) rotations about x, then y, then z."""
    (cx, cy, cz), (sx, sy, sz) = angles.cos().unbind(-1), angles.sin().unbind(-1)
    zero, one = torch.zeros_like(cx), torch.ones_like(cx)
    about_x = _matrix([one, zero, zero, zero, cx, -sx, zero, sx, cx])  # (B, 3, 3)
    about_y = _matrix([cy, zero, sy, zero, one, zero, -sy, zero, cy])  # (B, 3, 3)
    about_z = _matrix([cz, -sz, zero, sz, cz, zero, zero, zero, one])  # (B, 3, 3)
    return about_z @ about_y @ about_x  # (B, 3, 3)


def _matrix(entries: list[Tensor]) -> Tensor:
    """Stack nine (B,) entries, row by row, to (B, 3, 3)."""
    return torch.stack(entries, dim=-1).view(-1, 3, 3)  # (B, 3, 3)
