"""Virtual pinhole cameras around a moving body: perspective, height, pitch, roll, distance.

The focal length needs no drawing: the keypoints are normalised by their own window, which takes
any magnification out. What is left of a camera is where it stands, how far off its axis the body
is, and how it is rolled.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn.functional import normalize

from mbcli.train.config import CameraConfig
from mbcli.train.draw import Draw

_NEAREST = 0.6  # metres before the camera; a body that comes closer moves the camera back


def view(joints: Tensor, config: CameraConfig, draw: Draw) -> Tensor:
    """See each clip through a static camera of its own.

    Args:
        joints: (B, T, J, 3) metres, y up; joint 0 is the pelvis.
        config: distances, heights and angles.
        draw: on the same device.

    Returns:
        (B, T, J, 3) metres in the camera's frame: x right, y down, z away, all z above 0.6.
    """
    batch, device = len(joints), joints.device
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


def _rotation(angles: Tensor) -> Tensor:
    """Rotations about z after y after x, (B, 3) radians to (B, 3, 3)."""
    (cx, cy, cz), (sx, sy, sz) = angles.cos().unbind(-1), angles.sin().unbind(-1)
    zero, one = torch.zeros_like(cx), torch.ones_like(cx)
    about_x = _matrix([one, zero, zero, zero, cx, -sx, zero, sx, cx])  # (B, 3, 3)
    about_y = _matrix([cy, zero, sy, zero, one, zero, -sy, zero, cy])  # (B, 3, 3)
    about_z = _matrix([cz, -sz, zero, sz, cz, zero, zero, zero, one])  # (B, 3, 3)
    return about_z @ about_y @ about_x  # (B, 3, 3)


def _matrix(entries: list[Tensor]) -> Tensor:
    """Nine (B,) entries, row by row, to (B, 3, 3)."""
    return torch.stack(entries, dim=-1).view(-1, 3, 3)  # (B, 3, 3)
